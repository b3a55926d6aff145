import type { Readable } from 'node:stream'
import type { Digest, Fingerprint } from '../../base/digest.ts'
import type { Millis } from '../../base/time.ts'

/** Bytes from `start` to `end`, both included, as HTTP counts them. */
export type ByteRange = { readonly start: number; readonly end: number }

/**
 * When bytes are safe from a power cut: `now`, before anybody is told that they are stored; or `soon`, for what was promised to nobody and can be
 * had again: a power cut may then take the whole blob away, but never leaves another in its place.
 */
export type Durability = 'now' | 'soon'

/**
 * Where blobs lie. A driver keeps bytes and gives them back; hashing, limits, retries and logging are the store's.
 * Every method may be called at once for the same digest.
 */
export interface BlobDriver {
  /**
   * Tells whether the blob is here, durably; if so its modification time is renewed (or was so a moment ago), so that clean-up
   * takes it for young.
   */
  keep(digest: Digest): Promise<boolean>
  /** Takes over the spool file: durable when this resolves, unless `soon` will do, and the spool file is gone. Twins are no error. */
  adopt(spooled: string, print: Fingerprint, durability: Durability): Promise<void>
  /** The bytes; undefined when the blob is not here. The caller ends or destroys the stream. */
  open(digest: Digest, range?: ByteRange): Promise<Readable | undefined>
  stat(digest: Digest): Promise<BlobStat | undefined>
  /** Absent is not an error. */
  remove(digest: Digest): Promise<void>
  list(): AsyncIterable<Digest>
  /** Resolves when blobs can be had and kept; rejects otherwise. */
  ping(): Promise<void>
  /** Tells good from bad among what a power cut left unfinished; for before anything is read. */
  recover?(): Promise<void>
  /** Resolves when everything is durable. */
  settled?(): Promise<void>
  /** Where it all lies in truth, when this driver keeps copies in front of it. */
  readonly origin?: BlobDriver
  /** An address from which whoever has it may GET the blob for a few minutes; absent where there is no such thing. */
  link?(digest: Digest): Promise<string>
}

export type BlobStat = { readonly size: number; readonly modifiedAt: Millis }

/** What a sender promised about its bytes; whatever is given must hold. `integrity` is any SRI text (sha1 to sha512). */
export type Expectation = {
  readonly integrity?: string
  readonly sha1?: string
  readonly size?: number
  /** Most bytes to take; one more throws TOO_LARGE. */
  readonly limit?: number
  /** What to call the bytes in a TOO_LARGE sentence. */
  readonly what?: string
}

/** A file growing in the spool, hashed as it is written. End it with finish or abort; disposing aborts what is not finished. */
export interface Spool extends AsyncDisposable {
  readonly path: string
  /** Bytes written so far; readers of `path` may read up to here. */
  readonly size: number
  /** What was written so far. */
  content(): AsyncIterable<Buffer>
  write(chunk: Uint8Array): Promise<void>
  /**
   * Compares with what was promised (INTEGRITY_MISMATCH, TOO_LARGE) and adopts the bytes, durably unless `soon` will do. Whatever it
   * throws, the spool file is gone and nothing entered the store.
   */
  finish(expect?: Expectation, durability?: Durability): Promise<Fingerprint>
  abort(): Promise<void>
}

/** Content-addressed bytes. The only way in is through the spool: hashed once, fsynced, then adopted. */
export interface BlobStore {
  /** `held`: most bytes that stay in memory until the spool is finished; only what is larger is in a file at its `path` before. */
  spool(held?: number): Promise<Spool>
  /** Streams `bytes` in. Throws INTEGRITY_MISMATCH or TOO_LARGE, and whatever the source throws; nothing is kept then. */
  ingest(bytes: AsyncIterable<Uint8Array>, expect?: Expectation): Promise<Fingerprint>
  /** Content that is in memory already, in pieces that nobody changes any more. */
  ingestWhole(chunks: readonly Uint8Array[]): Promise<Fingerprint>
  /** As ingestWhole. */
  ingestText(text: string): Promise<Fingerprint>
  /** The bytes, or a Fault NOT_FOUND. The caller ends or destroys the stream. */
  open(digest: Digest, range?: ByteRange): Promise<Readable>
  /** As open, past all copies: to see whether the stored bytes are whole. */
  openOriginal(digest: Digest): Promise<Readable>
  /** An address from which whoever has it may GET the blob for a few minutes; undefined where clients are not sent elsewhere. */
  link(digest: Digest): Promise<string | undefined>
  /** The whole blob in memory; for documents, never for tarballs. */
  read(digest: Digest): Promise<Buffer>
  stat(digest: Digest): Promise<BlobStat | undefined>
  remove(digest: Digest): Promise<void>
  list(): AsyncIterable<Digest>
  /** Resolves when blobs can be had and kept; rejects otherwise. */
  ping(): Promise<void>
  /**
   * Removes what crashed writers left in the spool: files that nobody wrote to for `settling` (ms). Others may be writing there: other
   * processes share the folder. What a power cut left unfinished is looked through as well. Resolves to how many spool files there were.
   */
  sweepSpool(settling: Millis): Promise<number>
}
