import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { load } from './load.ts'
import { pinSelf, type Started, startServer } from './process.ts'
import { searching } from './search.ts'
import { publish, type Target, tarball } from './seed.ts'

const help = `npm run bench -- [--seconds 2] [--runs 3] [--connections 16] [--versions 1500] [--packages 10000]

Measures this registry beside a bare node:http server that sends the same bytes, on the same core, in turns. What counts
are the ratios. Everything runs on loopback in a temporary folder.`

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    runs: { type: 'string', default: '3' },
    connections: { type: 'string', default: '16' },
    versions: { type: 'string', default: '1500' },
    packages: { type: 'string', default: '10000' },
    help: { type: 'boolean', default: false },
  },
})
type Case = { readonly name: string; readonly path: string; readonly headers: Record<string, string> }

async function bench(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'entropic-bench-'))
  pinSelf()
  const entropic = [join(import.meta.dirname, '../entropic.mjs')]
  const data = ['--cache-dir', join(folder, 'data')]
  const serve = [...entropic, 'serve', '--port', '0', ...data]
  try {
    await coldStart(serve)
    const token = makeToken([...entropic], data)
    const server = await startServer(serve, SILENT)
    try {
      console.log(`memory idle: ${mib(server.memory())}`)
      const target = { url: server.url, token }
      await seed(target)
      for (const one of cases()) await compare(server, one, folder)
      await publishing(target)
      await searching(target, Number(values.packages))
      console.log(`memory after the load: ${mib(server.memory())}`)
    } finally {
      await server.stop()
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const SILENT = { LOG_LEVEL: 'silent', UPSTREAM: 'none' }
const SHORT = 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*'

function cases(): Case[] {
  const short = { accept: SHORT, 'accept-encoding': 'gzip' }
  const full = { accept: 'application/json', 'accept-encoding': 'gzip' }
  return [
    { name: 'packument, 12 versions, abbreviated', path: '/bench-small', headers: short },
    { name: 'packument, 12 versions, full', path: '/bench-small', headers: full },
    { name: '304', path: '/bench-small', headers: { ...short, 'if-none-match': '*' } },
    { name: `packument, ${values.versions} versions, abbreviated`, path: '/bench-large', headers: short },
    { name: 'tarball 10 KB', path: '/bench-10k/-/bench-10k-1.0.0.tgz', headers: {} },
    { name: 'tarball 1 MB', path: '/bench-1m/-/bench-1m-1.0.0.tgz', headers: {} },
  ]
}

async function coldStart(serve: readonly string[]): Promise<void> {
  const times: number[] = []
  for (let run = 0; run < Number(values.runs) + 1; run++) {
    const server = await startServer(serve, SILENT)
    times.push(server.readyAfter)
    await server.stop()
  }
  console.log(`start to listening: first ${round(times[0] ?? 0)} ms, then ${spread(times.slice(1))} ms`)
}

function makeToken(entropic: readonly string[], data: readonly string[]): string {
  const run = (...args: readonly string[]) =>
    execFileSync(process.execPath, [...entropic, ...args, ...data], {
      input: 'bench-password\n',
      encoding: 'utf8',
    })
  run('user', 'add', 'bench', '--password-stdin')
  return run('token', 'create', 'bench').trim()
}

async function seed(target: Target): Promise<void> {
  for (let n = 0; n < 12; n++) await release(target, 'bench-small', `1.0.${n}`)
  await publish(target, 'bench-10k', { version: '1.0.0', bytes: await tarball('bench-10k', '1.0.0', 10_000) })
  await publish(target, 'bench-1m', {
    version: '1.0.0',
    bytes: await tarball('bench-1m', '1.0.0', 1_000_000),
  })
  const times: number[] = []
  for (let n = 0; n < Number(values.versions); n++)
    times.push(await release(target, 'bench-large', `1.${n}.0`))
  const edge = Math.min(100, times.length)
  console.log(
    `publishing ${times.length} versions of one package: first ${edge}: ${spread(times.slice(0, edge))} ms each, last ${edge}: ${spread(times.slice(-edge))} ms each`,
  )
}

/** Publishes and resolves with the milliseconds it took. */
async function release(target: Target, name: string, version: string): Promise<number> {
  const bytes = await tarball(name, version, 500)
  const begin = performance.now()
  await publish(target, name, { version, bytes })
  return performance.now() - begin
}

async function compare(server: Started, { name, path, headers }: Case, folder: string): Promise<void> {
  const file = join(folder, 'reply.json')
  writeFileSync(file, JSON.stringify(await rawReply(server.url + path, headers)))
  const bare = await startServer([join(import.meta.dirname, 'bare.ts'), file])
  const ours: number[] = []
  const theirs: number[] = []
  try {
    for (let run = 0; run < Number(values.runs); run++) {
      ours.push(await rate(server.url + path, headers))
      theirs.push(await rate(bare.url + path, headers))
    }
  } finally {
    await bare.stop()
  }
  const ratios = ours.map((value, run) => value / (theirs[run] ?? Number.NaN))
  console.log(`${name}: ${spread(ours)} req/s, bare node:http ${spread(theirs)}; ratio ${spread(ratios, 2)}`)
}

async function rate(url: string, headers: Record<string, string>): Promise<number> {
  const run = { url, headers, connections: Number(values.connections), seconds: Number(values.seconds) }
  const { rate, odd } = await load(run)
  if (odd > 0) throw new Error(`${odd} replies of ${url} were unlike the others`)
  return rate
}

/** What the registry sends, byte for byte, for the yardstick to repeat. */
async function rawReply(url: string, headers: Record<string, string>) {
  return new Promise((resolve, reject) => {
    get(url, { headers }, async (response) => {
      const chunks = await Array.fromAsync(response)
      const { date: _date, connection: _connection, 'keep-alive': _keep, ...rest } = response.headers
      resolve({ status: response.statusCode, headers: rest, body: Buffer.concat(chunks).toString('base64') })
    }).on('error', reject)
  })
}

async function publishing(target: Target): Promise<void> {
  const each = async (size: number, count: number, atOnce: number) => {
    const name = `bench-publish-${size}-${atOnce}`
    const all = await Promise.all(Array.from({ length: count }, (_, n) => tarball(name, `1.0.${n}`, size)))
    const begin = performance.now()
    let next = 0
    const worker = async () => {
      for (let n = next++; n < count; n = next++)
        await publish(target, name, { version: `1.0.${n}`, bytes: all[n] ?? Buffer.alloc(0) })
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
    const seconds = (performance.now() - begin) / 1000
    const document = (await (await fetch(`${target.url}/${name}`)).json()) as { versions: object } // our own answer
    const kept = Object.keys(document.versions).length
    console.log(
      `publish ${size} bytes, ${atOnce} at once: ${round(count / seconds)} per second, ${kept} of ${count} kept`,
    )
  }
  await each(1000, 200, 8)
  await each(1_000_000, 48, 1)
  await each(1_000_000, 96, 16)
}

function spread(numbers: readonly number[], digits = 0): string {
  const sorted = [...numbers].sort((a, b) => a - b)
  const at = (share: number) => round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0, digits)
  return `${at(0)}/${at(0.5)}/${at(1)} (min/median/max)`
}

function round(number: number, digits = 0): string {
  return number.toFixed(number < 10 && digits === 0 ? 1 : digits)
}

function mib(value: number | undefined): string {
  return value === undefined ? 'unknown' : `${Math.round(value)} MiB`
}

if (values.help) console.log(help)
else await bench()
