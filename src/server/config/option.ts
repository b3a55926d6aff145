import type { Kind } from './kinds.ts'

/** The text of another option: given, or its plain default. */
export type Lookup = (env: string) => string | undefined

type Described = {
  /** The environment variable; its flag is the same in lower case with dashes. */
  readonly env: string
  /** One sentence without its full stop. */
  readonly about: string
  /**
   * `whole`: never shown. `inside`: an address whose password is never shown. Either way there is no flag, since arguments are
   * visible to every user of the machine, and the variable with `_FILE` after it names a file to read the value from.
   */
  readonly secret?: 'whole' | 'inside'
}

export type Option<T> = Described & {
  readonly kind: Kind<T>
  /** What is taken when nothing is given. */
  readonly fallback: string | ((of: Lookup) => string) | undefined
  /** The fallback in words, where it is not a plain text. */
  readonly otherwise: string
}

/** An option that always has a value. */
export function option<T>(
  of: Kind<T>,
  about: Described & { fallback: string | ((of: Lookup) => string); otherwise?: string },
): Option<T> {
  return { otherwise: String(about.fallback), ...about, kind: of }
}

/** An option that always has a value. */
export function optional<T>(of: Kind<T>, about: Described & { otherwise: string }): Option<T | undefined> {
  return { ...about, kind: of, fallback: undefined }
}
