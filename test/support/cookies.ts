/** The cookies of one site, as a browser keeps them. */
export class Cookies {
  readonly #kept = new Map<string, string>()
  /** The attributes each was last set with. */
  readonly attributes = new Map<string, string>()

  take(headers: readonly string[]): void {
    for (const header of headers) {
      const [, name = '', value = '', attributes = ''] = /^([^=]+)=([^;]*);?(.*)$/.exec(header) ?? []
      this.attributes.set(name, attributes)
      if (value === '') this.#kept.delete(name)
      else this.#kept.set(name, value)
    }
  }

  header(): string {
    return [...this.#kept].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  get(name: string): string | undefined {
    return this.#kept.get(name)
  }

  /** As another browser that has stolen them, or keeps them past their end. */
  copy(): Cookies {
    const other = new Cookies()
    for (const [name, value] of this.#kept) other.#kept.set(name, value)
    return other
  }
}
