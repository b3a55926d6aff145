import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { silentLog } from '../../../src/base/log.ts'
import { connectPostgres } from '../../../src/storage/sql/postgres.ts'
import { certificate } from '../../support/certificate.ts'
import { FaultyProxy } from '../../support/faulty-proxy.ts'
import { freePort, startPostgres } from '../../support/servers.ts'
import { missing, postgresUrl, temporaryFolder } from '../../support/services.ts'

/** What the owner is told; undefined: the server starts. */
async function sentence(url: string, ca?: string): Promise<string | undefined> {
  try {
    const sql = await connectPostgres({ url, ...(ca && { ca }) }, silentLog)
    await sql.ping()
    await sql.close()
    return undefined
  } catch (error) {
    return String(error)
  }
}

function as(
  url: string,
  changes: { username?: string; password?: string; pathname?: string; search?: string },
) {
  return Object.assign(new URL(url), changes).href
}

async function run(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}

/** Statements by which the server itself writes a file into its data folder. */
function written(name: string, text: string): string {
  const rows = text.replaceAll("'", "''")
  return `copy (select unnest(string_to_array('${rows}', E'\\n'))) to program 'umask 077; cat > ${name}'`
}

describe.skipIf(missing.postgres)(
  missing.postgres ?? 'what must be mended before Postgres can be used is said',
  () => {
    test('away, no such database, no such user, no right to make tables', async () => {
      const url = (await postgresUrl()) ?? ''
      const away = await sentence(`postgres://kim:secret@127.0.0.1:${await freePort()}/box`)
      expect(away).toContain('it does not answer (ECONNREFUSED); look at POSTGRES_URL')
      expect(away).toContain('the Postgres database box at 127.0.0.1:')
      expect(away).not.toContain('secret')
      expect(await sentence(as(url, { pathname: '/absent' }))).toContain(
        'there is no such database; make it first',
      )
      expect(await sentence(as(url, { username: 'nobody' }))).toContain('does not let the user in')
      const guest = `guest_${randomUUID().replaceAll('-', '')}`
      await run(url, `create role ${guest} login`)
      expect(await sentence(as(url, { username: guest }))).toContain(
        'may not make tables in the schema public',
      )
      await run(url, `grant create on schema public to ${guest}`)
      expect(await sentence(as(url, { username: guest }))).toBeUndefined()
      await run(url, `drop owned by ${guest}`, `drop role ${guest}`)
    })

    test('a version that is too old', async () => {
      const url = (await postgresUrl()) ?? ''
      const [{ server_version_num: version } = { server_version_num: '' }] = await versionOf(url)
      await using proxy = await FaultyProxy.start(url)
      proxy.become({ turn: version, into: `13${version.slice(2)}` })
      const through = Object.assign(new URL(url), { port: String(proxy.port) }).href
      expect(await sentence(through)).toContain('it is Postgres 13, and it must be 14 or later')
    })

    test('a wrong password, TLS that is not there, and a certificate that nobody vouches for, until POSTGRES_CA does', async (t) => {
      const server = await startPostgres()
      t.onTestFinished(() => server.stop())
      const { url } = server
      const required = as(url, { search: '?sslmode=require' })
      expect(await sentence(required)).toContain('it does not speak TLS')
      const { key, cert } = await certificate(await temporaryFolder(t))
      await run(
        url,
        "create role kim login superuser password 'secret'",
        written('server.key', key),
        written('server.crt', cert),
        written('pg_hba.conf', 'host all kim all scram-sha-256\nhost all all all trust'),
        'alter system set ssl = on',
        'select pg_reload_conf()',
      )
      const kim = (password: string) => as(url, { username: 'kim', password })
      await expect.poll(() => sentence(kim('wrong'))).toContain('the password is wrong')
      expect(await sentence(kim(''))).toContain('it asks for a password, and none is given')
      expect(await sentence(kim('secret'))).toBeUndefined()
      await expect.poll(() => sentence(required)).toContain('not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)')
      expect(await sentence(required, cert)).toBeUndefined()
      expect(await sentence(url, cert)).toBeUndefined()
      expect(await sentence(as(url, { search: '?sslmode=no-verify' }))).toBeUndefined()
    })
  },
)

async function versionOf(url: string): Promise<{ server_version_num: string }[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query('show server_version_num')
  await client.end()
  return rows
}
