import { destination, pino, stdSerializers } from 'pino'
import type { Log } from '../base/log.ts'
import type { Config } from './config.ts'

/**
 * The log of the process: JSON lines on standard error, errors with their causes. Written at once, so that the last line before a crash is
 * there too.
 */
export function createLog(config: Pick<Config, 'logLevel'>): Log {
  const serializers = { err: stdSerializers.errWithCause, error: stdSerializers.errWithCause }
  return pino({ level: config.logLevel, base: null, serializers }, destination({ dest: 2, sync: true }))
}
