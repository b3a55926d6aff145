import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { fail } from '../../base/fault.ts'

/** A public Ed25519 key as people compare and pass it on: `ed25519:` and its 32 bytes in base64url. */
export type KeyName = `ed25519:${string}`

/** What stands before the 32 bytes of an Ed25519 key in DER (RFC 8410). */
const PRIVATE = Buffer.from('302e020100300506032b657004220420', 'hex')
const PUBLIC = Buffer.from('302a300506032b6570032100', 'hex')
const NAME = /^ed25519:[A-Za-z0-9_-]{43}$/

/** Signs the bundles of this registry with the key that 32 secret bytes stand for. */
export class BundleSigner {
  readonly #key: KeyObject
  readonly name: KeyName

  /** @param seed 32 bytes as base64url */
  constructor(seed: string) {
    const bytes = Buffer.from(seed, 'base64url')
    this.#key = createPrivateKey({ key: Buffer.concat([PRIVATE, bytes]), format: 'der', type: 'pkcs8' })
    const der = createPublicKey(this.#key).export({ format: 'der', type: 'spki' })
    this.name = `ed25519:${der.subarray(PUBLIC.length).toString('base64url')}`
  }

  /** The signature in base64. */
  sign(bytes: Uint8Array): string {
    return sign(null, bytes, this.#key).toString('base64')
  }
}

/** Parses the name of a key or throws BAD_REQUEST. */
export function parseKeyName(text: string): KeyName {
  // The pattern says the same as the type.
  return NAME.test(text) ? (text as KeyName) : fail('BAD_REQUEST', { why: `"${text}" is no key` })
}

/** Tells whether the key of that name signed these bytes; `signature` is base64. */
export function isSignedBy(name: KeyName, bytes: Uint8Array, signature: string): boolean {
  const raw = Buffer.from(name.slice('ed25519:'.length), 'base64url')
  const key = createPublicKey({ key: Buffer.concat([PUBLIC, raw]), format: 'der', type: 'spki' })
  return verify(null, bytes, key, Buffer.from(signature, 'base64'))
}
