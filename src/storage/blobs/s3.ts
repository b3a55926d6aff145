import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Digest, Fingerprint } from '../../base/digest.ts'
import { Fault } from '../../base/fault.ts'
import type { Log } from '../../base/log.ts'
import { type Millis, minutes } from '../../base/time.ts'
import type { BlobDriver, BlobStat, ByteRange } from './blobs.ts'
import { digestOfKey, keyOf } from './key.ts'
import { type S3Address, S3Client, type S3Request, type S3Response } from './s3-client.ts'
import { S3Refusal, S3Unreachable, S3Unusable } from './s3-errors.ts'

/** Older than this, a blob that comes in again is sent again, which makes it young, and mends it. */
const YOUNG = minutes(1)
/** Times a download that breaks is gone on with where it broke. */
const RESUMPTIONS = 3
/** Long enough to begin a download, and for clocks that differ a little. */
const LINK_LIFETIME = minutes(5)
/** What costs the storage least and still needs the bucket and the right to read it. */
const GLANCE: S3Request = { method: 'GET', query: { 'list-type': '2', 'max-keys': '1' } }
/** Keys a page; the most that S3 gives. */
const PAGE = 1000
const READ_CHUNK = 256 * 1024

/** The driver over a bucket that answers. Throws S3Unusable. */
export async function openS3({ address, log }: { address: S3Address; log: Log }): Promise<S3Driver> {
  const client = new S3Client(address)
  try {
    await dump(await client.send(GLANCE))
  } catch (error) {
    await client.close()
    const where = `the bucket ${address.bucket} at ${address.endpoint}`
    throw new S3Unusable(where, error)
  }
  return new S3Driver(client, { prefix: address.prefix, log })
}

/**
 * Blobs as objects, under the keys that files have on disk. Every object is one PUT of known length from the spool, so nothing is ever
 * half there; its sha256 is signed with it, so the storage refuses what was damaged on the way. While the storage does not answer,
 * everything throws UNAVAILABLE.
 */
export class S3Driver implements BlobDriver {
  readonly #client: S3Client
  readonly #prefix: string
  readonly #log: Log

  constructor(client: S3Client, { prefix, log }: { prefix: string; log: Log }) {
    this.#client = client
    this.#prefix = prefix
    this.#log = log
  }

  async keep(digest: Digest): Promise<boolean> {
    const response = await this.#send({ method: 'HEAD', key: keyOf(digest) })
    if (!response) return false
    await dump(response)
    // By the storage's own clock, whatever ours says.
    return dateOf(response, 'date') - dateOf(response, 'last-modified') < YOUNG
  }

  async adopt(spooled: string, { digest, size }: Fingerprint): Promise<void> {
    const sha256 = createHash('sha256')
    await pipeline(createReadStream(spooled, { highWaterMark: READ_CHUNK }), sha256)
    const headers = {
      'content-length': String(size),
      'content-type': 'application/octet-stream',
      'x-amz-content-sha256': sha256.digest('hex'),
    }
    const body = () => createReadStream(spooled, { highWaterMark: READ_CHUNK })
    await dump(await this.#send({ method: 'PUT', key: keyOf(digest), headers, body }))
    await rm(spooled, { force: true })
  }

  async open(digest: Digest, range?: ByteRange): Promise<Readable | undefined> {
    const first = await this.#get(digest, range?.start ?? 0, range?.end)
    if (!first) return undefined
    const bytes = this.#resumed(digest, { first, range })
    return Readable.from(bytes, { objectMode: false, highWaterMark: READ_CHUNK })
  }

  async stat(digest: Digest): Promise<BlobStat | undefined> {
    const response = await this.#send({ method: 'HEAD', key: keyOf(digest) })
    if (!response) return undefined
    await dump(response)
    return {
      size: Number(response.headers['content-length']),
      modifiedAt: dateOf(response, 'last-modified'),
    }
  }

  async remove(digest: Digest): Promise<void> {
    await dump(await this.#send({ method: 'DELETE', key: keyOf(digest) }))
  }

  async *list(): AsyncIterable<Digest> {
    let after = ''
    while (true) {
      const query = { 'list-type': '2', prefix: `${this.#prefix}sha512/`, 'max-keys': String(PAGE) }
      const page = await this.#send({
        method: 'GET',
        query: { ...query, ...(after && { 'start-after': after }) },
      })
      const text = (await page?.body.text().catch((error: unknown) => this.#away(error))) ?? ''
      const keys = Array.from(text.matchAll(/<Key>([^<]*)<\/Key>/g), ([, key = '']) => key)
      yield* keys.flatMap((key) => digestOfKey(key) ?? [])
      if (!/<IsTruncated>true<\/IsTruncated>/.test(text)) return
      after = keys.at(-1) ?? this.#away(new Error('a page without keys says that there are more'))
    }
  }

  async ping(): Promise<void> {
    await dump(await this.#client.send(GLANCE))
  }

  link(digest: Digest): Promise<string> {
    return this.#client.link(keyOf(digest), LINK_LIFETIME)
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  /** The answer from byte `start` on; undefined when the blob is not here. */
  #get(digest: Digest, start: number, end: number | undefined): Promise<S3Response | undefined> {
    const headers = start === 0 && end === undefined ? {} : { range: `bytes=${start}-${end ?? ''}` }
    return this.#send({ method: 'GET', key: keyOf(digest), headers })
  }

  /** The bytes of `first`; when they break off, those that follow. */
  async *#resumed(
    digest: Digest,
    { first, range }: { first: S3Response; range: ByteRange | undefined },
  ): AsyncGenerator<Buffer> {
    let at = range?.start ?? 0
    let response: S3Response | undefined = first
    for (let broken = 0; response; broken += 1) {
      try {
        for await (const chunk of response.body) {
          at += chunk.length
          yield chunk
        }
        return
      } catch (error) {
        if (broken === RESUMPTIONS) this.#away(error)
      }
      response = await this.#get(digest, at, range?.end)
    }
    this.#away(new Error('the blob went away while it was read'))
  }

  async #send(request: S3Request): Promise<S3Response | undefined> {
    try {
      return await this.#client.send(request)
    } catch (error) {
      if (error instanceof S3Unreachable || error instanceof S3Refusal) this.#away(error)
      throw error
    }
  }

  #away(error: unknown): never {
    this.#log.warn({ err: error }, 'the S3 storage failed')
    throw new Fault('UNAVAILABLE', { why: 'The storage does not answer at the moment.' }, { cause: error })
  }
}

/** Reads a body that says nothing, so that its connection can be used again. */
async function dump(response: S3Response | undefined): Promise<void> {
  await response?.body.dump().catch(() => undefined)
}

function dateOf({ headers }: S3Response, name: 'date' | 'last-modified'): Millis {
  return Date.parse(String(headers[name]))
}
