import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import busboy from 'busboy'
import type { Fingerprint } from '../../base/digest.ts'
import { Fault, isFault } from '../../base/fault.ts'
import type { FileEntry } from '../../registry/model.ts'
import { byBytes, parsePath } from '../../registry/paths.ts'
import { decodedBody } from '../http/body.ts'

export type Upload = {
  /** The last value of each field. */
  readonly fields: ReadonlyMap<string, string>
  /** Sorted by path; of several with one path, the last. */
  readonly files: readonly FileEntry[]
}

export type UploadDeps = {
  readonly limits: { readonly files: number; readonly bytes: number }
  ingest(bytes: AsyncIterable<Uint8Array>): Promise<Fingerprint>
}

/** Of all fields together, as the original has it. */
const MAX_FIELDS_SIZE = 2 * 1024 * 1024
const MAX_FIELDS = 100
/** Files being written side by side: each costs an fsync. */
const AT_ONCE = 8
const NO_FORM = 'unsupported content-type: send a form, multipart/form-data with its boundary'
/** What a part's head and boundary may take on the average, beside its content. */
const PART_OVERHEAD = 1024

/** Reads a multipart body, each file into the store as it arrives. BAD_REQUEST, INVALID_PATH, TOO_LARGE. */
export async function readUpload(request: IncomingMessage, deps: UploadDeps): Promise<Upload> {
  const { limits } = deps
  const reading = new Reading(parserOf(request, limits.files), deps)
  const most = limits.bytes + MAX_FIELDS_SIZE + PART_OVERHEAD * limits.files
  try {
    await pipeline(bounded(decodedBody(request), most), reading.parser)
  } catch (error) {
    reading.fail(error)
  }
  return reading.end()
}

function parserOf(request: IncomingMessage, files: number): busboy.Busboy {
  const { headers } = request
  if (!headers['content-type']?.toLowerCase().startsWith('multipart/form-data'))
    throw new Fault('BAD_REQUEST', { why: NO_FORM })
  const limits = { files, fields: MAX_FIELDS, fieldSize: MAX_FIELDS_SIZE, headerPairs: 100 }
  try {
    return busboy({ headers, limits, preservePath: true, defParamCharset: 'utf8' })
  } catch (error) {
    throw new Fault('BAD_REQUEST', { why: NO_FORM }, { cause: error })
  }
}

/** One walk through a body. The first failure ends it. */
class Reading {
  readonly parser: busboy.Busboy
  readonly #deps: UploadDeps
  readonly #fields = new Map<string, string>()
  /** By position in the body. */
  readonly #files: FileEntry[] = []
  /** A file waits for the one AT_ONCE before it. */
  readonly #lanes: Promise<void>[] = Array.from({ length: AT_ONCE }, () => Promise.resolve())
  #seen = 0
  #fieldsSize = 0
  #size = 0
  #failure: unknown

  constructor(parser: busboy.Busboy, deps: UploadDeps) {
    this.parser = parser
    this.#deps = deps
    // For as long as it lives: an error nobody listens to would end the process.
    parser.on('error', (error) => this.fail(error))
    parser.on('field', (name, value, info) => this.#field(name, value, info.valueTruncated))
    parser.on('file', (_name, bytes, info) => this.#file(bytes, info.filename))
    parser.on('fieldsLimit', () => this.#refuse(`a version has at most ${MAX_FIELDS} fields`))
    parser.on('filesLimit', () => this.#refuse('Exceeded maximum number of files in a version.'))
  }

  fail(error: unknown): void {
    this.#failure ??= error
    this.parser.destroy()
  }

  async end(): Promise<Upload> {
    await Promise.all(this.#lanes)
    if (this.#failure !== undefined) throw worded(this.#failure)
    const last = new Map(this.#files.map((file) => [file.path, file]))
    return { fields: this.#fields, files: [...last.values()].sort((a, b) => byBytes(a.path, b.path)) }
  }

  #field(name: string, value: string, truncated: boolean): void {
    this.#fieldsSize += Buffer.byteLength(value)
    if (truncated || this.#fieldsSize > MAX_FIELDS_SIZE)
      this.#refuse(`maxFieldsSize ${MAX_FIELDS_SIZE} exceeded`)
    else this.#fields.set(name, value)
  }

  #file(bytes: Readable, filename: string | undefined): void {
    // An error reaches whoever reads the stream; until somebody does, it must not end the process.
    bytes.on('error', () => undefined)
    const position = this.#seen++
    const lane = position % AT_ONCE
    const take = async () => {
      if (this.#failure !== undefined) return
      const path = pathOf(filename ?? '')
      const { digest, size } = await this.#deps.ingest(this.#counted(bytes))
      this.#files[position] = { path, digest, size, executable: false }
    }
    this.#lanes[lane] = Promise.resolve(this.#lanes[lane])
      .then(take)
      .catch((error: unknown) => this.fail(error))
  }

  async *#counted(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const limit = this.#deps.limits.bytes
    for await (const chunk of bytes) {
      this.#size += chunk.length
      if (this.#size > limit) throw new Fault('TOO_LARGE', { what: 'The version', limit })
      yield chunk
    }
  }

  #refuse(why: string): void {
    this.fail(new Fault('BAD_REQUEST', { why }))
  }
}

/** The path within the package: `ds` sends `package%2Flib%2Fa.js`, others may send `./package/lib/a.js` or `lib/a.js`. */
function pathOf(filename: string): string {
  try {
    return parsePath(decodeURIComponent(filename).replace(/^(?:\.\/)?(?:package\/)?/, ''))
  } catch (error) {
    if (isFault(error)) throw error
    throw new Fault('INVALID_PATH', { path: filename, why: 'it is not percent-encoded UTF-8' })
  }
}

async function* bounded(body: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Buffer> {
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > limit) throw new Fault('TOO_LARGE', { what: 'The request body', limit })
    yield chunk
  }
}

/** The parser's own errors carry no code, the system's do. */
function worded(error: unknown): unknown {
  if (isFault(error) || !(error instanceof Error) || 'code' in error) return error
  const cut = error.message.startsWith('Unexpected end of')
  const why = cut ? 'stream ended unexpectedly' : `the multipart body is broken: ${error.message}`
  return new Fault('BAD_REQUEST', { why }, { cause: error })
}
