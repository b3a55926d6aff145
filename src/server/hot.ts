import type { IncomingMessage, ServerResponse } from 'node:http'
import { fromNpmName } from '../base/name.ts'
import type { Who } from '../registry/model.ts'
import { doorOf, NPM_PREFIX } from './doors.ts'
import type { Gate } from './gate.ts'
import { send } from './http/answer.ts'
import { requestId, splitUrl } from './http/request.ts'
import { canonicalPath, parseReadPath, type ReadPath } from './npm/names.ts'
import type { Reading, Reads } from './npm/read.ts'

export type HotDeps = {
  readonly reads: Reads
  readonly gate: Gate
  readonly who: (request: IncomingMessage) => Who
  readonly address: (request: IncomingMessage) => string
}

/** Errors met on the quick way, waiting for the ordinary one to word them. */
const failures = new WeakMap<IncomingMessage, unknown>()

/**
 * Answers what installing asks for (packuments, versions, tarballs) past the middleware stack, which would cost more than the answer
 * does. Resolves to false for everything else, and for what failed: the ordinary way then takes over, and takes the failure along.
 */
export async function answerHot(
  request: IncomingMessage,
  response: ServerResponse,
  deps: HotDeps,
): Promise<boolean> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false
  const { path: raw } = splitUrl(request.url ?? '/')
  const { door, path } = doorOf(raw, request.headers)
  if (door !== 'npm') return false
  const asked = parseReadPath(canonicalPath(path))
  if (!asked) return false
  const prefix = path === raw ? '' : NPM_PREFIX
  const reading = { request, who: deps.who(request), address: deps.address(request) + prefix }
  response.setHeader('x-request-id', requestId())
  try {
    if (deps.gate.isClosed) await deps.gate.admit(reading.who)
    await send(request, response, deps.gate.dress(await answer(deps.reads, asked, reading)))
    return true
  } catch (error) {
    failures.set(request, error)
    return false
  }
}

/** The failure of the quick way, if there was one: it has been asked already, and asking again would fail again. */
export function hotFailure(request: IncomingMessage): unknown {
  return failures.get(request)
}

function answer(reads: Reads, asked: ReadPath, reading: Reading) {
  const name = fromNpmName(asked.name)
  if (asked.kind === 'packument') return reads.packument(name, reading)
  if (asked.kind === 'version') return reads.version(name, asked.version, reading)
  return reads.tarball(name, asked.file, reading)
}
