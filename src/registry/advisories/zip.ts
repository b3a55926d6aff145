import type { FileHandle } from 'node:fs/promises'
import { inflateRawSync } from 'node:zlib'
import { fail } from '../../base/fault.ts'

export type ZipEntry = { readonly name: string; readonly bytes: Buffer }

type Place = {
  readonly name: string
  readonly method: number
  readonly packed: number
  readonly offset: number
}
type Directory = { readonly count: number; readonly size: number; readonly offset: number }

const [END, END64, LOCATOR64, CENTRAL, LOCAL] = [0x06054b50, 0x06064b50, 0x07064b50, 0x02014b50, 0x04034b50]
const END_SIZE = 22
const LOCATOR_SIZE = 20
const LONGEST_COMMENT = 0xffff
const ABSENT = 0xffffffff
/** A directory of a million files. */
const LARGEST_DIRECTORY = 256 * 2 ** 20

/** The files of a zip file, one at a time, each up to `limit` bytes. BAD_REQUEST for what is none. */
export async function* zipEntries(file: FileHandle, limit: number): AsyncGenerator<ZipEntry> {
  const directory = await findDirectory(file)
  if (directory.size > LARGEST_DIRECTORY) broken('its directory is too large')
  const bytes = await readAt(file, directory.offset, directory.size)
  for (const place of places(bytes, directory.count))
    if (!place.name.endsWith('/')) yield { name: place.name, bytes: await unpack(file, place, limit) }
}

/** Written at the end of the file, before a comment; in a second form for more than 65,535 files. */
async function findDirectory(file: FileHandle): Promise<Directory> {
  const { size } = await file.stat()
  const from = Math.max(0, size - END_SIZE - LOCATOR_SIZE - LONGEST_COMMENT)
  const tail = await readAt(file, from, size - from)
  const end = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  if (end < 0 || end + END_SIZE > tail.length || tail.readUInt32LE(end) !== END) broken('it was cut')
  const locator = end - LOCATOR_SIZE
  if (locator < 0 || tail.readUInt32LE(locator) !== LOCATOR64)
    return {
      count: tail.readUInt16LE(end + 10),
      size: tail.readUInt32LE(end + 12),
      offset: tail.readUInt32LE(end + 16),
    }
  const large = await readAt(file, Number(tail.readBigUInt64LE(locator + 8)), 56)
  if (large.readUInt32LE(0) !== END64) broken('its directory cannot be found')
  return {
    count: Number(large.readBigUInt64LE(32)),
    size: Number(large.readBigUInt64LE(40)),
    offset: Number(large.readBigUInt64LE(48)),
  }
}

function* places(directory: Buffer, count: number): Generator<Place> {
  let at = 0
  for (let number = 0; number < count; number++) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== CENTRAL)
      broken('its directory is damaged')
    const [name, extra, comment] = [28, 30, 32].map((it) => directory.readUInt16LE(at + it))
    const nameEnd = at + 46 + (name ?? 0)
    const place = { method: directory.readUInt16LE(at + 10), packed: directory.readUInt32LE(at + 20) }
    const offset = directory.readUInt32LE(at + 42)
    if (place.packed === ABSENT || offset === ABSENT) broken('a file in it is too large')
    yield { ...place, offset, name: directory.toString('utf8', at + 46, nameEnd) }
    at = nameEnd + (extra ?? 0) + (comment ?? 0)
  }
}

async function unpack(
  file: FileHandle,
  { name, method, packed, offset }: Place,
  limit: number,
): Promise<Buffer> {
  const head = await readAt(file, offset, 30)
  if (head.readUInt32LE(0) !== LOCAL) broken(`${name} is not where it should be`)
  if (packed > limit) broken(`${name} is too large`)
  const start = offset + 30 + head.readUInt16LE(26) + head.readUInt16LE(28)
  const bytes = await readAt(file, start, packed)
  if (method === 0) return bytes
  if (method !== 8) broken(`${name} is packed in a way that is not known here`)
  try {
    return inflateRawSync(bytes, { maxOutputLength: limit })
  } catch {
    return broken(`${name} is damaged or too large`)
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await file.read(buffer, 0, length, position)
  return bytesRead === length ? buffer : broken('it was cut')
}

function broken(why: string): never {
  return fail('BAD_REQUEST', { why: `The zip file cannot be read: ${why}.` })
}
