import { stripVTControlCharacters } from 'node:util'
import { destination, pino, stdSerializers } from 'pino'
import type { Log } from '../base/log.ts'
import type { Config } from './config.ts'

/**
 * The log of the process on standard error: JSON lines, or short lines for people; errors with their causes. Written at once, so that
 * the last line before a crash is there too.
 */
export function createLog({ logLevel: level, logFormat }: Pick<Config, 'logLevel' | 'logFormat'>): Log {
  const serializers = { err: told, error: told }
  const written = destination({ dest: 2, sync: true })
  const lines = { write: (line: string) => written.write(shortLine(line)) }
  return pino({ level, base: null, serializers }, logFormat === 'json' ? written : lines)
}

/**
 * What libraries put beside an error and nobody may read: the bytes of a request that Node could not read, with the tokens in them;
 * the command that Redis refused, with the password in it; what was bound to a query; the answer of S3, with the signed request.
 */
const NEVER_LOGGED: ReadonlySet<string> = new Set(['rawPacket', 'command', 'parameters', '$response'])

/** An error as it stands in the log. */
function told(error: Error): unknown {
  return withoutSecrets(stdSerializers.errWithCause(error))
}

/** An error that is written out already, and the ones in it. */
function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (value instanceof Error) return value.stack // in a list they are not written out
  if (typeof value !== 'object' || value === null || !('stack' in value)) return value
  const kept = Object.entries(value).filter(([member]) => !NEVER_LOGGED.has(member))
  return Object.fromEntries(kept.map(([member, it]) => [member, withoutSecrets(it)]))
}

const LEVELS: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info ', 40: 'warn ', 50: 'error' }

/** A line of the log as a person reads it: when, how important, what; below it where an error comes from. */
function shortLine(line: string): string {
  const { level, time, msg, err, error, ...fields } = JSON.parse(line)
  const told = Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  const head = [new Date(time).toTimeString().slice(0, 8), LEVELS[level], msg, ...told].join(' ')
  const all = [head, ...troubles(err ?? error)].join('\n')
  // What comes from outside cannot steer the terminal.
  return `${stripVTControlCharacters(all).replace(/(?!\n)\p{Cc}/gu, ' ')}\n`
}

/** An error and its causes, as the serializer left them. */
function troubles(error: { stack?: string; cause?: unknown } | string | undefined): string[] {
  if (error === undefined) return []
  if (typeof error === 'string') return [error]
  // The serializer wrote causes as it wrote the error.
  const [cause, ...further] = troubles(error.cause as typeof error)
  return [
    error.stack ?? JSON.stringify(error),
    ...(cause === undefined ? [] : [`caused by: ${cause}`]),
    ...further,
  ]
}
