/**
 * Something the person at the command line can mend: its message is all they are shown.
 * Exit code 1: it did not work; 2: it was asked for in a way that cannot work.
 */
export class Failure extends Error {
  readonly exitCode: 1 | 2

  constructor(message: string, options: { exitCode: 1 | 2; cause?: unknown } = { exitCode: 1 }) {
    super(message, { cause: options.cause })
    this.exitCode = options.exitCode
  }
}

/** A mistake in the arguments or in the configuration. */
export function usage(message: string): Failure {
  return new Failure(message, { exitCode: 2 })
}

/** One sentence for whatever was thrown. Node gives several failed connection attempts as one error without a message. */
export function sentenceOf(error: unknown): string {
  if (error instanceof AggregateError && !error.message) return error.errors.map(sentenceOf).join('; ')
  if (error instanceof Error) return error.message || error.name
  return String(error)
}
