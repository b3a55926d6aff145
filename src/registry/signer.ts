import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'

/** A registry key as npm lists it. `key` is the SPKI, base64; it counts for what was published before `expires` (ISO date). */
export type RegistryKey = {
  readonly expires: string | null
  readonly keyid: string
  readonly keytype: string
  readonly scheme: string
  readonly key: string
}

const SCHEME = 'ecdsa-sha2-nistp256'

/** A new private key, PEM. */
export function newSigningKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** Signs what is published here, the way npm's `audit signatures` checks it. */
export class Signer {
  readonly key: RegistryKey
  readonly #private: KeyObject

  /** @param pem an ECDSA P-256 private key */
  constructor(pem: string) {
    this.#private = createPrivateKey(pem)
    const spki = createPublicKey(this.#private).export({ type: 'spki', format: 'der' })
    const keyid = `SHA256:${createHash('sha256').update(spki).digest('base64').replace(/=+$/, '')}`
    this.key = { expires: null, keyid, keytype: SCHEME, scheme: SCHEME, key: spki.toString('base64') }
  }

  /** For `dist.signatures`. `integrity` is exactly that of `dist`. */
  sign(npmName: string, version: string, integrity: string): { keyid: string; sig: string } {
    const sig = sign('sha256', Buffer.from(`${npmName}@${version}:${integrity}`), this.#private)
    return { keyid: this.key.keyid, sig: sig.toString('base64') }
  }
}
