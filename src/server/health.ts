import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Millis, seconds } from '../base/time.ts'
import { splitUrl } from './http/request.ts'

/** Something the server stands on. It rejects while it does not answer. */
export type Probe = {
  readonly ask: () => Promise<void>
  /** `needed`: without it most requests fail; `helpful`: everything goes on, slower. */
  readonly rank: 'needed' | 'helpful'
}

type Finding = 'ok' | 'failing'
type Report = { readonly status: string; readonly parts: Readonly<Record<string, Finding>> }

/** As long as this, a part may take to answer. */
const PATIENCE = seconds(2)
/** As long as this, a finding holds: however many ask, the parts are asked about once a second. */
const HOLDS: Millis = 1000

/**
 * What load balancers and supervisors ask: `/-/health`, whether the process answers at all, and `/-/ready`, whether requests should be
 * sent here. No package is called `-/…`, so neither hides one.
 */
export class Health {
  readonly #paths: ReadonlyMap<string, 'health' | 'ready'>
  #probes: Readonly<Record<string, Probe>> | undefined
  #isDraining = false
  #found: { readonly at: Millis; readonly findings: Promise<Report['parts']> } | undefined

  /** They are there below the public address' path too, for a proxy that leaves it on. */
  constructor(base = '') {
    const paths = (before: string) =>
      (['health', 'ready'] as const).map((it): [string, typeof it] => [`${before}/-/${it}`, it])
    this.#paths = new Map([...paths(''), ...paths(base)])
  }

  /** The server has started, and stands on these. */
  begin(probes: Readonly<Record<string, Probe>>): void {
    this.#probes = probes
  }

  /** Ready no more: the server is about to end. */
  drain(): void {
    this.#isDraining = true
  }

  /** Answers when it is asked about health; false: the request is for somebody else. */
  answered(request: IncomingMessage, response: ServerResponse): boolean {
    const { path } = splitUrl(request.url ?? '/')
    const asked = this.#paths.get(path)
    if (!asked || (request.method !== 'GET' && request.method !== 'HEAD')) return false
    if (asked === 'health') reply(response, 200, { status: 'ok' })
    else
      void this.report().then((report) =>
        reply(response, report.status === 'ready' || report.status === 'degraded' ? 200 : 503, report),
      )
    return true
  }

  /** `ready`, `degraded` (without something helpful), `failing` (without something needed), `starting` or `draining`. Never rejects. */
  async report(): Promise<Report> {
    const probes = this.#probes
    if (!probes) return { status: 'starting', parts: {} }
    const parts = await this.#findings(probes)
    if (this.#isDraining) return { status: 'draining', parts }
    const lacking = Object.keys(parts).filter((name) => parts[name] === 'failing')
    if (lacking.length === 0) return { status: 'ready', parts }
    const isNeeded = lacking.some((name) => probes[name]?.rank === 'needed')
    return { status: isNeeded ? 'failing' : 'degraded', parts }
  }

  #findings(probes: Readonly<Record<string, Probe>>): Promise<Report['parts']> {
    const now = performance.now()
    if (this.#found && now - this.#found.at < HOLDS) return this.#found.findings
    const findings = askAll(probes)
    this.#found = { at: now, findings }
    return findings
  }
}

async function askAll(probes: Readonly<Record<string, Probe>>): Promise<Report['parts']> {
  const findings = Object.entries(probes).map(async ([name, probe]) => [name, await asked(probe)] as const)
  return Object.fromEntries(await Promise.all(findings))
}

async function asked({ ask }: Probe): Promise<Finding> {
  const late = Promise.withResolvers<Finding>()
  const timer = setTimeout(() => late.resolve('failing'), PATIENCE)
  const answer = ask().then(
    () => 'ok' as const,
    () => 'failing' as const,
  )
  return Promise.race([answer, late.promise]).finally(() => clearTimeout(timer))
}

function reply(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  const later = status === 503 ? { 'retry-after': '5' } : {}
  response.writeHead(status, { ...headers, ...later, 'content-length': Buffer.byteLength(text) }).end(text)
}
