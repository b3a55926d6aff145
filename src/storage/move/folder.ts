import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Reader, Sql } from '../sql/database.ts'
import type { Table } from '../sql/schema.ts'
import { Adder, carriedTables, pagesOf, type Row, type Sums, type TableSum } from './rows.ts'

const PAGE = 250
const READ_CHUNK = 1024 * 1024

const fileOf = (folder: string, table: string) => join(folder, `${table}.ndjson`)

/** Writes all rows of a database into a new folder: a file a table, a line of JSON a row. Durable when it resolves. */
export async function dumpRows(db: Reader, engine: Sql['engine'], folder: string): Promise<Sums> {
  await mkdir(folder, { mode: 0o700 })
  const sums: Record<string, TableSum> = {}
  for (const table of await carriedTables(db, engine)) {
    const adder = new Adder()
    const file = createWriteStream(fileOf(folder, table.name), { flags: 'wx', mode: 0o600, flush: true })
    await pipeline(Readable.from(linesOf(db, table, adder)), file)
    sums[table.name] = adder.sum()
  }
  return sums
}

/** The rows that dumpRows wrote, page by page. */
export async function* rowsIn(folder: string, { name }: Pick<Table, 'name'>): AsyncGenerator<readonly Row[]> {
  let page: Row[] = []
  let rest = ''
  const file = createReadStream(fileOf(folder, name), { encoding: 'utf8', highWaterMark: READ_CHUNK })
  for await (const chunk of file) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      page.push(JSON.parse(line) as Row) // what is not as it was written shows in the sums
      if (page.length < PAGE) continue
      yield page
      page = []
    }
  }
  if (page.length > 0) yield page
}

async function* linesOf(db: Reader, table: Table, adder: Adder): AsyncGenerator<string> {
  for await (const rows of pagesOf(db, table)) yield adder.add(table, rows)
}
