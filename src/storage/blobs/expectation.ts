import ssri from 'ssri'
import { digestToHex, type Fingerprint } from '../../base/digest.ts'
import { Fault } from '../../base/fault.ts'
import type { Expectation } from './blobs.ts'

/** Hashes the spooled bytes once more, by another algorithm: hex digest. */
export type Rehash = (algorithm: string) => Promise<string>

/** Throws TOO_LARGE when `size` bytes are more than `expect` allows. */
export function checkLimit(size: number, expect: Expectation): void {
  if (expect.limit !== undefined && size > expect.limit)
    throw new Fault('TOO_LARGE', { what: expect.what ?? 'The content', limit: expect.limit })
}

/** Throws TOO_LARGE or INTEGRITY_MISMATCH when `print` is not what `expect` says. */
export async function checkPromise(print: Fingerprint, expect: Expectation, rehash: Rehash): Promise<void> {
  checkLimit(print.size, expect)
  const { size, sha1, integrity } = expect
  if (size !== undefined && size !== print.size) mismatch(`${size} bytes`, `${print.size} bytes`)
  if (sha1 !== undefined && sha1.toLowerCase() !== print.sha1) mismatch(`sha1 ${sha1}`, `sha1 ${print.sha1}`)
  if (integrity !== undefined) await checkIntegrity(print, integrity, rehash)
}

const ALGORITHMS = ['sha512', 'sha384', 'sha256', 'sha1'] as const

/** As W3C says: of the algorithms named, the strongest counts, and any of its hashes will do. */
async function checkIntegrity(print: Fingerprint, integrity: string, rehash: Rehash): Promise<void> {
  const promised = ssri.parse(integrity)
  const algorithm = ALGORITHMS.find((name) => promised?.[name]?.length)
  if (!algorithm) return mismatch(integrity, print.digest)
  const actual = await hexBy(algorithm, print, rehash)
  const matches = (hash: { digest: string }) => Buffer.from(hash.digest, 'base64').toString('hex') === actual
  if (promised?.[algorithm]?.some(matches)) return
  mismatch(integrity, ssri.fromHex(actual, algorithm).toString())
}

function hexBy(algorithm: (typeof ALGORITHMS)[number], print: Fingerprint, rehash: Rehash) {
  if (algorithm === 'sha512') return digestToHex(print.digest)
  return algorithm === 'sha1' ? print.sha1 : rehash(algorithm)
}

function mismatch(expected: string, actual: string): never {
  throw new Fault('INTEGRITY_MISMATCH', { expected, actual })
}
