import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import tar from 'tar-stream'
import { type Digest, digestFromHex, digestToHex } from '../../base/digest.ts'
import { fail, isFault } from '../../base/fault.ts'
import { type BundleManifest, broken, objectsOf, parseManifest } from './manifest.ts'
import { type BundleSigner, isSignedBy, type KeyName, parseKeyName } from './signature.ts'

const MANIFEST = 'manifest.json'
const SIGNATURE = 'manifest.sig'
const NO_BUNDLE = 'The file is no bundle: it does not begin with a manifest.json.'
const MAX_MANIFEST = 256 * 2 ** 20
const ATTRIBUTES = { mtime: new Date(0), uid: 0, gid: 0, mode: 0o644 }
/** An entry as tar-stream hands it out. */
type Entry = tar.Extract extends AsyncIterable<infer E> ? E : never

/** What stands at the head of a bundle: its manifest, and whose signature over it was found good. */
export type BundleHead = { readonly manifest: BundleManifest; readonly key: KeyName }

export type TakeObject = (
  object: { readonly digest: Digest; readonly size: number },
  bytes: AsyncIterable<Uint8Array>,
) => Promise<void>

/** Writes a bundle; `open` gives the bytes of an object. The caller reads the stream to its end or destroys it. */
export function packBundle(
  manifest: BundleManifest,
  signer: BundleSigner,
  open: (digest: Digest) => Promise<Readable>,
): AsyncIterable<Uint8Array> {
  const pack = tar.pack()
  const write = async () => {
    const bytes = Buffer.from(JSON.stringify(manifest, undefined, 1))
    pack.entry({ name: MANIFEST, ...ATTRIBUTES }, bytes)
    pack.entry({ name: SIGNATURE, ...ATTRIBUTES }, `${signer.name} ${signer.sign(bytes)}\n`)
    for (const [digest, size] of objectsOf(manifest)) {
      const entry = pack.entry({ name: `objects/${digestToHex(digest)}`, size, ...ATTRIBUTES })
      await pipeline(await open(digest), entry)
    }
    pack.finalize()
  }
  write().catch((error) => pack.destroy(error))
  return pack as AsyncIterable<Uint8Array> // streamx leaves its chunks untyped
}

/** Reads the head of a bundle and nothing more. BAD_REQUEST. */
export async function readBundleHead(file: Readable): Promise<BundleHead> {
  const entries = entriesOf(file)
  try {
    return await headFrom(entries)
  } finally {
    await entries.return(undefined)
  }
}

/**
 * Reads a whole bundle and hands each object to `take`, which compares it with its address. Resolves when every object that the manifest names
 * has come, and no other. BAD_REQUEST, and what `accept` and `take` throw.
 */
export async function readBundle(
  file: Readable,
  { accept, take }: { accept: (head: BundleHead) => void; take: TakeObject },
): Promise<BundleHead> {
  const entries = entriesOf(file)
  try {
    const head = await headFrom(entries)
    accept(head)
    await takeObjects(entries, objectsOf(head.manifest), take)
    return head
  } finally {
    await entries.return(undefined)
  }
}

async function takeObjects(
  entries: AsyncIterator<Entry>,
  missing: Map<Digest, number>,
  take: TakeObject,
): Promise<void> {
  for (let next = await entries.next(); !next.done; next = await entries.next()) {
    const { name, size = 0 } = next.value.header
    const digest = digestFromHex(name.replace(/^objects\//, ''))
    if (digest === undefined || missing.get(digest) !== size)
      return broken(`"${name}" is not in its manifest`)
    await take({ digest, size }, bytesOf(next.value))
    missing.delete(digest)
  }
  if (missing.size > 0) broken(`${missing.size} of its objects are not there: it ends early`)
}

async function headFrom(entries: AsyncIterator<Entry>): Promise<BundleHead> {
  // What does not even begin as one was taken for one by mistake.
  const manifest = await fileFrom(entries, MANIFEST, () => fail('BAD_REQUEST', { why: NO_BUNDLE }))
  const unsigned = () => broken(`it has no ${SIGNATURE} where one belongs`)
  const [name = '', signature = ''] = (await fileFrom(entries, SIGNATURE, unsigned))
    .toString()
    .trim()
    .split(' ')
  const key = parseKeyName(name)
  if (!isSignedBy(key, manifest, signature)) broken('its signature does not fit its manifest')
  return { manifest: parseManifest(manifest), key }
}

async function fileFrom(entries: AsyncIterator<Entry>, name: string, absent: () => never): Promise<Buffer> {
  const next = await entries.next().catch((error) => (isFault(error) ? absent() : Promise.reject(error)))
  if (next.done || next.value.header.name !== name) return absent()
  if ((next.value.header.size ?? 0) > MAX_MANIFEST) return broken(`its ${name} is too large`)
  return buffer(bytesOf(next.value))
}

async function* entriesOf(file: Readable): AsyncGenerator<Entry, undefined> {
  const extract = tar.extract()
  const piping = pipeline(file, extract)
  piping.catch(() => undefined) // reading the entries fails with the same error
  try {
    yield* extract as AsyncIterable<Entry>
  } catch (error) {
    // tar-stream's own errors have no code; those of the system do.
    if (error instanceof Error && !('code' in error) && !('detail' in error)) broken(error.message)
    throw error
  } finally {
    extract.destroy()
    file.destroy()
  }
}

/** streamx leaves its chunks untyped. */
const bytesOf = (entry: Entry) => entry as AsyncIterable<Uint8Array>
