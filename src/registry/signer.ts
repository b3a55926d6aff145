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

const KEYS = /(?:retired (\S+)\n)?(-----BEGIN PRIVATE KEY-----[^-]*-----END PRIVATE KEY-----)/g

/** A new private key, PEM. */
export function newSigningKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** The keys with a new one before them, which signs from now on; what the last one signed by then (ISO date) stays vouched for. */
export function rotated(pem: string, at: string): string {
  return `${newSigningKey().trim()}\nretired ${at}\n${pem.trim()}\n`
}

/** Signs what is published here, the way npm's `audit signatures` checks it. */
export class Signer {
  readonly key: RegistryKey
  /** The key that signs, and those that did before: what they signed stays vouched for. */
  readonly keys: readonly RegistryKey[]
  readonly #private: KeyObject

  /** @param pem an ECDSA P-256 private key, or several: the first signs, the others did once */
  constructor(pem: string) {
    const [current, ...retired] = pem.matchAll(KEYS)
    this.#private = createPrivateKey(current?.[2] ?? pem)
    this.key = publicKeyOf(this.#private, null)
    const past = retired.map(([, since, one = '']) => publicKeyOf(createPrivateKey(one), since ?? null))
    this.keys = [this.key, ...past]
  }

  /** For `dist.signatures`. `integrity` is exactly that of `dist`. */
  sign(npmName: string, version: string, integrity: string): { keyid: string; sig: string } {
    const sig = sign('sha256', Buffer.from(`${npmName}@${version}:${integrity}`), this.#private)
    return { keyid: this.key.keyid, sig: sig.toString('base64') }
  }
}

function publicKeyOf(key: KeyObject, expires: string | null): RegistryKey {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const keyid = `SHA256:${createHash('sha256').update(spki).digest('base64').replace(/=+$/, '')}`
  return { expires, keyid, keytype: SCHEME, scheme: SCHEME, key: spki.toString('base64') }
}
