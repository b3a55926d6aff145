import type { TarEntry } from './entries.ts'
import { isOutermost } from './places.ts'

/** More than any package has; as many are kept in mind. */
const MOST = 1000

/** The symbolic links of a package. Some clients follow them when they write what is below, some leave them out. */
export class Links {
  doubt: string | undefined
  readonly #places = new Set<string>()

  /** @param place where it is unpacked, see placeOf */
  note({ name, kind }: TarEntry, place: string): void {
    if (this.isBelow(place)) this.doubt ??= 'a file in it is below a link'
    if (kind !== 'symlink') return
    if (isOutermost(name)) this.doubt ??= 'a link in it stands in the place of its folder'
    if (this.#places.size >= MOST) this.doubt ??= 'it holds more links than anybody looks at'
    else this.#places.add(place)
  }

  /** Whether a link that came before is one of the folders of this place. */
  isBelow(place: string): boolean {
    if (this.#places.size === 0) return false
    for (let end = place.indexOf('/'); end >= 0; end = place.indexOf('/', end + 1))
      if (this.#places.has(place.slice(0, end))) return true
    return false
  }
}
