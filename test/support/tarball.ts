import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import tar, { type Header } from 'tar-stream'

/** A file's content, or an entry's header where it is no plain file. */
export type Entry = string | Buffer | { readonly header: Partial<Header>; readonly content?: string }

/** Of every entry: the same entries make the same bytes, whenever that is. */
const mtime = new Date('2020-01-01T00:00:00Z')

/** A gzipped tar with these entries, named as given. */
export async function tarballOf(entries: Readonly<Record<string, Entry>>): Promise<Buffer> {
  const pack = tar.pack()
  for (const [name, entry] of Object.entries(entries)) {
    if (typeof entry === 'string' || Buffer.isBuffer(entry)) pack.entry({ name, mtime }, entry)
    else pack.entry({ name, mtime, ...entry.header }, entry.content ?? '')
  }
  pack.finalize()
  return gzipSync(await buffer(pack as AsyncIterable<Uint8Array>)) // streamx leaves its chunks untyped
}

/** An npm package's tarball: package.json from the manifest, and the files under `package/`. */
export function packageTarball(
  manifest: object,
  files: Readonly<Record<string, Entry>> = {},
): Promise<Buffer> {
  const inside = Object.entries(files).map(([path, entry]) => [`package/${path}`, entry])
  return tarballOf({ 'package/package.json': JSON.stringify(manifest), ...Object.fromEntries(inside) })
}

export const sha512 = (bytes: Buffer | string): string =>
  `sha512-${createHash('sha512').update(bytes).digest('base64')}`
export const sha1 = (bytes: Buffer | string): string => createHash('sha1').update(bytes).digest('hex')
