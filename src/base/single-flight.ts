/**
 * Runs work once for all who ask for the same key while it is under way. Everyone gets the same result or the same
 * error; nothing is remembered afterwards.
 */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Promise<T>>()

  run(key: string, work: () => Promise<T>): Promise<T> {
    const known = this.#flights.get(key)
    if (known) return known
    const flight = work().finally(() => this.#flights.delete(key))
    this.#flights.set(key, flight)
    return flight
  }

  get size(): number {
    return this.#flights.size
  }
}
