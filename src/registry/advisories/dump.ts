import { type FileHandle, open } from 'node:fs/promises'
import { fail } from '../../base/fault.ts'
import { zipEntries } from './zip.ts'

/** One entry has some kilobytes; this much of one line or one file is no entry. */
const LARGEST = 16 * 2 ** 20
/** A list that is not one entry a line has to fit into memory. */
const LARGEST_LIST = 256 * 2 ** 20

/** The entries of a dump: a zip file of JSON files, JSON a line, a JSON list, or one JSON object. BAD_REQUEST. */
export async function* readDump(path: string): AsyncGenerator<unknown> {
  await using file = await open(path)
  const start = Buffer.alloc(4)
  await file.read(start, 0, 4, 0)
  if (start.toString('latin1') === 'PK\x03\x04') return yield* zipped(file)
  if (await isOneALine(file)) return yield* lines(file)
  const { size } = await file.stat()
  if (size > LARGEST_LIST)
    fail('BAD_REQUEST', {
      why: `The list is larger than ${LARGEST_LIST} bytes; give it as a zip or one entry a line.`,
    })
  const all = parsed((await read(file, size)).toString())
  yield* Array.isArray(all) ? all : [all]
}

async function* zipped(file: FileHandle): AsyncGenerator<unknown> {
  for await (const { name, bytes } of zipEntries(file, LARGEST))
    if (name.endsWith('.json')) yield parsed(bytes.toString(), name)
}

async function* lines(file: FileHandle): AsyncGenerator<unknown> {
  for await (const line of file.readLines({ start: 0, autoClose: false }))
    if (line.trim() !== '') yield parsed(line)
}

/** Whether the first line is an object of its own. */
async function isOneALine(file: FileHandle): Promise<boolean> {
  const start = (await read(file, LARGEST)).toString()
  const end = start.indexOf('\n')
  const first = (end < 0 ? start : start.slice(0, end)).trim()
  if (!first.startsWith('{')) return false
  try {
    JSON.parse(first)
    return true
  } catch {
    return false
  }
}

async function read(file: FileHandle, most: number): Promise<Buffer> {
  const { size } = await file.stat()
  const buffer = Buffer.alloc(Math.min(size, most))
  await file.read(buffer, 0, buffer.length, 0)
  return buffer
}

function parsed(text: string, where = 'The dump'): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return fail('BAD_REQUEST', {
      why: `${where} is not JSON; allowed: a zip of OSV files, OSV JSON, or one a line.`,
    })
  }
}
