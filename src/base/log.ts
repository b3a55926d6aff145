/** What the floors below the server need of a logger; pino fits it. Fields first, then the sentence. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** A log that forgets: for tests and for commands whose output is their product. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
