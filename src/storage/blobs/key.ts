import { type Digest, digestFromHex, digestToHex } from '../../base/digest.ts'

/** Where a blob lies below the root of its driver: `sha512/ab/cd/<the other 124 hex digits>`. */
export function keyOf(digest: Digest): string {
  const hex = digestToHex(digest)
  return `sha512/${hex.slice(0, 2)}/${hex.slice(2, 4)}/${hex.slice(4)}`
}

/** The inverse of keyOf, of a key that may have anything in front; undefined when it is no blob's. */
export function digestOfKey(key: string): Digest | undefined {
  const [, first = '', second = '', rest = ''] = /sha512\/(..)\/(..)\/([^/]+)$/.exec(key) ?? []
  return digestFromHex(first + second + rest)
}
