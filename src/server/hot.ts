import type { IncomingMessage, ServerResponse } from 'node:http'
import { Memo } from '../base/memo.ts'
import { fromNpmName } from '../base/name.ts'
import type { Who } from '../registry/model.ts'
import { doorOf, NPM_PREFIX } from './doors.ts'
import type { Gate } from './gate.ts'
import { send, sendNow } from './http/answer.ts'
import { requestId, splitUrl } from './http/request.ts'
import { canonicalPath, parseReadPath } from './npm/names.ts'
import type { Asked, Reading, Reads } from './npm/read.ts'

export type HotDeps = {
  readonly reads: Reads
  readonly gate: Gate
  readonly who: (request: IncomingMessage) => Who
  readonly address: (request: IncomingMessage) => string
}

const LONGEST_KEPT = 300
/** Paths read before: the same ones are asked for over and over. */
const paths = new Memo<string, Asked>(2000)

/** Errors met on the quick way, waiting for the ordinary one to word them. */
const failures = new WeakMap<IncomingMessage, unknown>()

/**
 * Answers what installing asks for (packuments, versions, tarballs) past the middleware stack, which would cost more than the answer
 * does. False for everything else, and for what failed: the ordinary way then takes over, and takes the failure along.
 */
export function answerHot(
  request: IncomingMessage,
  response: ServerResponse,
  deps: HotDeps,
): boolean | Promise<boolean> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false
  const { path: raw } = splitUrl(request.url ?? '/')
  const { door, path } = doorOf(raw, request.headers)
  if (door !== 'npm') return false
  const asked = parsed(path)
  if (!asked) return false
  const prefix = path === raw ? '' : NPM_PREFIX
  const reading = { request, who: deps.who(request), address: deps.address(request) + prefix }
  return answerNow(asked, response, { reading, deps }) || answerInTime(asked, response, { reading, deps })
}

/** Whether the answer was at hand, and is on its way. What fails here fails again where it is told. */
function answerNow(
  asked: Asked,
  response: ServerResponse,
  { reading, deps }: { reading: Reading; deps: HotDeps },
): boolean {
  try {
    const answer = deps.gate.isClosed ? undefined : deps.reads.now(asked, reading)
    if (answer) sendNow(reading.request, response, { answer, id: requestId() })
    return answer !== undefined
  } catch {
    return false
  }
}

async function answerInTime(
  asked: Asked,
  response: ServerResponse,
  { reading, deps }: { reading: Reading; deps: HotDeps },
): Promise<boolean> {
  const { request, who } = reading
  try {
    if (deps.gate.isClosed) await deps.gate.admit(who)
    const answer = deps.gate.dress(await deps.reads.answer(asked, reading))
    await send(request, response, { answer, id: requestId() })
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

/** What a path asks for; undefined where that is nothing to read, or has no legal name and is for the ordinary way to refuse. */
function parsed(path: string): Asked | undefined {
  const known = paths.get(path)
  if (known) return known
  const asked = parseReadPath(canonicalPath(path))
  if (!asked) return undefined
  try {
    const found = { asked, name: fromNpmName(asked.name) }
    if (path.length <= LONGEST_KEPT) paths.set(path, found)
    return found
  } catch {
    return undefined
  }
}
