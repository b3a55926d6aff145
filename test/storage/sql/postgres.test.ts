import { once } from 'node:events'
import { createServer } from 'node:net'
import { sql as select } from 'kysely'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { silentLog } from '../../../src/base/log.ts'
import { openPostgres } from '../../../src/storage/sql/postgres.ts'
import { FaultyProxy } from '../../support/faulty-proxy.ts'
import { missing, postgresUrl } from '../../support/services.ts'

test('a server that is not there is UNAVAILABLE', async (t) => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  t.onTestFinished(async () => void server.close())
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const sql = openPostgres({ url: `postgres://nobody@127.0.0.1:${port}/none` }, silentLog)
  t.onTestFinished(() => sql.close())
  const query = sql.read.selectFrom('package').select('id').compile()
  await expect(sql.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await expect(sql.first(query, [])).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await expect(sql.transaction(async () => {})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

describe.skipIf(missing.postgres)(missing.postgres ?? 'Postgres', () => {
  test('connections that the server cuts are replaced', async (t) => {
    const url = await postgresUrl()
    const sql = openPostgres(url ? { url } : {}, silentLog)
    t.onTestFinished(() => sql.close())
    await sql.ping()
    const admin = new pg.Client({ connectionString: url })
    await admin.connect()
    await admin.query(
      'select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
    await admin.end()
    await expect
      .poll(() =>
        sql.ping().then(
          () => 'answers',
          () => 'is cut',
        ),
      )
      .toBe('answers')
  })

  test('a connection that is cut between two statements of a transaction fails that transaction alone', async (t) => {
    const url = await postgresUrl()
    const sql = openPostgres(url ? { url } : {}, silentLog)
    t.onTestFinished(() => sql.close())
    const admin = new pg.Client({ connectionString: url })
    await admin.connect()
    t.onTestFinished(() => admin.end())
    const cut = sql.transaction(async (tx) => {
      const { rows } = await select<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx)
      await admin.query('select pg_terminate_backend($1, 5000)', [rows[0]?.pid])
      await select`select 1`.execute(tx)
    })
    await expect(cut).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(sql.transaction(async () => 'well')).resolves.toBe('well')
  })

  test('a network that swallows every answer is UNAVAILABLE, and forgotten once it is mended', async (t) => {
    const url = new URL((await postgresUrl()) ?? '')
    const proxy = await FaultyProxy.start(url.href)
    url.hostname = '127.0.0.1'
    url.port = String(proxy.port)
    const sql = openPostgres({ url: url.href, patience: 2000 }, silentLog)
    t.onTestFinished(async () => {
      await sql.close()
      await proxy[Symbol.asyncDispose]()
    })
    const one = select`select 1`
    const first = one.compile(sql.read)
    const ask = () => [sql.ping(), sql.first(first, []), sql.transaction((tx) => one.execute(tx))]
    await Promise.all(ask())
    proxy.swallow()
    const refused = ask().map((asked) => expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' }))
    await Promise.all(refused)
    proxy.become('none')
    await Promise.all(ask())
  })

  test('migrations and snapshots take the time they need, other statements are cut', async (t) => {
    const url = await postgresUrl()
    const sql = openPostgres({ ...(url && { url }), patience: 1500 }, silentLog)
    t.onTestFinished(() => sql.close())
    const long = select`select pg_sleep(2)`
    const cut = [long.execute(sql.read), sql.transaction((tx) => long.execute(tx))]
    await Promise.all([
      sql.unhurried((tx) => long.execute(tx)),
      sql.snapshot((db) => long.execute(db)),
      ...cut.map((asked) => expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' })),
    ])
  })
})
