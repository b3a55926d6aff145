import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { sql as fragment } from 'kysely'
import { expect, test } from 'vitest'
import type { Tx } from '../../../src/storage/sql/database.ts'
import { openSqlite } from '../../../src/storage/sql/sqlite.ts'
import { useSqliteAddon } from '../../../src/storage/sql/sqlite-file.ts'
import { type Cleanup, temporaryFolder } from '../../support/services.ts'

async function opened(t: Cleanup) {
  const path = join(await temporaryFolder(t), 'test.db')
  const sql = await openSqlite(path)
  t.onTestFinished(() => sql.close())
  await sql.transaction((tx) => sql.script(tx, 'create table note (text text primary key)'))
  const insert = (tx: Tx, text: string) => fragment`insert into note values (${text})`.execute(tx)
  const notes = async () => (await fragment<{ text: string }>`select text from note`.execute(sql.read)).rows
  return { path, sql, insert, notes }
}

test('a transaction that waits for a file is thrown out, and nothing of it stays', async (t) => {
  const { sql, insert, notes } = await opened(t)
  const work = sql.transaction(async (tx) => {
    await insert(tx, 'before')
    await readFile(import.meta.filename)
    await insert(tx, 'after')
  })
  await expect(work).rejects.toThrow('something other than its own SQL')
  expect(await notes()).toEqual([])
})

test('a transaction inside a transaction is thrown out instead of waiting for itself', async (t) => {
  const { sql } = await opened(t)
  const work = sql.transaction(() => sql.transaction(async () => {}))
  await expect(work).rejects.toThrow('something other than its own SQL')
})

test('a thousand statements in a row are still nothing but SQL', async (t) => {
  const { sql, insert, notes } = await opened(t)
  await sql.transaction(async (tx) => {
    for (let i = 0; i < 1000; i++) await insert(tx, `${i}`)
  })
  expect(await notes()).toHaveLength(1000)
})

test('transactions run in the order in which they were asked for', async (t) => {
  const { sql, insert, notes } = await opened(t)
  await Promise.all(['a', 'b', 'c'].map((text) => sql.transaction((tx) => insert(tx, text))))
  expect(await notes()).toEqual([{ text: 'a' }, { text: 'b' }, { text: 'c' }])
})

test('closing waits for the transactions that were asked for, and leaves one sound file', async (t) => {
  const path = join(await temporaryFolder(t), 'test.db')
  const sql = await openSqlite(path)
  const last = sql.transaction((tx) =>
    sql.script(tx, 'create table note (text text); insert into note values (1)'),
  )
  await sql.close()
  await last
  await expect(readFile(`${path}-wal`)).rejects.toThrow('ENOENT')
  const again = await openSqlite(path)
  t.onTestFinished(() => again.close())
  expect((await fragment`select * from note`.execute(again.read)).rows).toEqual([{ text: '1' }])
})

test('a point read remembers its row until somebody commits, here or in another process', async (t) => {
  const path = join(await temporaryFolder(t), 'box.sqlite')
  const here = await openSqlite(path)
  const there = await openSqlite(path)
  t.onTestFinished(async () => void (await Promise.all([here.close(), there.close()])))
  await here.transaction((tx) => here.script(tx, 'create table box (n integer); insert into box values (1)'))
  const query = fragment<{ n: number }>`select n from box where n > ${0}`.compile(here.read)
  const seen = async () => (await here.first(query, [0]))?.n
  expect(await seen()).toBe(1)
  expect(await here.first(query, [0])).toBe(await here.first(query, [0]))
  await here.transaction((tx) => here.script(tx, 'update box set n = 2'))
  expect(await seen()).toBe(2)
  await there.transaction((tx) => there.script(tx, 'update box set n = 3'))
  // What another process tells of its commit reaches us in a later turn of the event loop.
  await new Promise((resolve) => setImmediate(resolve))
  expect(await seen()).toBe(3)
})

test('the writer syncs every commit and minds its references', async (t) => {
  const { sql } = await opened(t)
  const pragmas = await sql.transaction(async (tx) => [
    (await fragment`pragma synchronous`.execute(tx)).rows[0],
    (await fragment`pragma foreign_keys`.execute(tx)).rows[0],
    (await fragment`pragma journal_mode`.execute(tx)).rows[0],
  ])
  expect(pragmas).toEqual([{ synchronous: 2 }, { foreign_keys: 1 }, { journal_mode: 'wal' }])
})

test('the native addon may be handed in as an object', async (t) => {
  const require = createRequire(import.meta.url)
  const binaries = join(dirname(require.resolve('better-sqlite3/package.json')), 'prebuilds')
  useSqliteAddon(require(join(binaries, `${process.platform}-${process.arch}.node`)))
  const { notes } = await opened(t)
  expect(await notes()).toEqual([])
})
