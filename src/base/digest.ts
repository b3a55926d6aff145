import { fail } from './fault.ts'

/** An SRI text of sha512 (W3C Subresource Integrity): `sha512-` and base64. Also the address of a blob. */
export type Digest = `sha512-${string}`

/** What is known of a run of bytes after one pass over it. `sha1` is lower-case hex, `size` in bytes. */
export type Fingerprint = { readonly digest: Digest; readonly sha1: string; readonly size: number }

const SHA512_SRI = /^sha512-[A-Za-z0-9+/]{86}==$/

/** Tells whether `text` is exactly one sha512 SRI. */
export function isDigest(text: string): text is Digest {
  return SHA512_SRI.test(text)
}

/** Parses one sha512 SRI or throws BAD_REQUEST. */
export function parseDigest(text: string): Digest {
  return isDigest(text) ? text : fail('BAD_REQUEST', { why: `"${text}" is not a sha512 integrity` })
}

/** The digest as 128 lower-case hex digits: how a driver names the blob. */
export function digestToHex(digest: Digest): string {
  return Buffer.from(digest.slice(7), 'base64').toString('hex')
}

/** The inverse of digestToHex; undefined when `hex` is not 128 hex digits. */
export function digestFromHex(hex: string): Digest | undefined {
  if (!/^[0-9a-f]{128}$/.test(hex)) return undefined
  return `sha512-${Buffer.from(hex, 'hex').toString('base64')}`
}
