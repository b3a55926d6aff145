/**
 * Remembers at least the `max` values last used, and at most twice as many. Two generations instead of a list in order of use: on the way of every
 * request, looking something up must cost no more than a Map does.
 */
export class Memo<K, V extends NonNullable<unknown>> {
  readonly #max: number
  #young = new Map<K, V>()
  #old = new Map<K, V>()

  constructor(max: number) {
    this.#max = max
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: K, value: V): void {
    this.#young.set(key, value)
    if (this.#young.size < this.#max) return
    this.#old = this.#young
    this.#young = new Map()
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
  }
}

/** `read`, called once for each text among those lately asked for; undefined reads like ''. */
export function remembering<T extends NonNullable<unknown>>(
  read: (text: string) => T,
  max = 100,
): (text: string | undefined) => T {
  const known = new Memo<string, T>(max)
  return (text = '') => {
    const found = known.get(text)
    if (found !== undefined) return found
    const value = read(text)
    known.set(text, value)
    return value
  }
}
