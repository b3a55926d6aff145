import pg from 'pg'
import { networkTrouble, Unusable } from '../unusable.ts'

/** The oldest that its makers still mend. */
const OLDEST = 14

/** What Postgres says no to, by SQLSTATE. */
const REFUSALS: Readonly<Record<string, string>> = {
  '28P01': 'the password is wrong',
  '28000': 'it does not let the user in: there is none of that name, or none from here, or not without TLS',
  '3D000': 'there is no such database; make it first',
  '42501': 'the user may not do what is needed; make them the owner of the database',
  '53300': 'it has no connection left for us; raise its max_connections',
  '57P03': 'it is starting or stopping at the moment; try again',
}

/** Rejects when the database is too old, or the user may not make tables in it. */
export async function examine(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ version: number; schema: string | null; may_create: boolean | null }>(
    `select current_setting('server_version_num')::int as version, current_schema() as schema,
      has_schema_privilege(current_schema(), 'create') as may_create`,
  )
  const [found] = rows
  const major = Math.floor((found?.version ?? 0) / 10_000)
  if (major < OLDEST) throw new Unusable(`it is Postgres ${major}, and it must be ${OLDEST} or later`)
  if (!found?.may_create)
    throw new Unusable(
      `the user may not make tables in the schema ${found?.schema ?? 'public'}; make them the owner of the database, or grant them CREATE on the schema`,
    )
}

export function postgresUnusable(options: pg.ClientConfig, error: unknown): Unusable {
  // Never connected: it knows what the address and the environment come to.
  const { host, port, database } = new pg.Client(options)
  const where = `the Postgres database ${database} at ${host}:${port}`
  return new Unusable(`Cannot use ${where}: ${whyOf(error)}.`, { cause: error })
}

function whyOf(error: unknown): string {
  if (error instanceof Unusable) return error.message
  if (error instanceof pg.DatabaseError) return REFUSALS[error.code ?? ''] ?? error.message
  if (error instanceof Error && /does not support SSL/.test(error.message))
    return 'it does not speak TLS; set up its certificate, or leave sslmode and POSTGRES_CA out'
  if (error instanceof Error && /password must be a string|no password/i.test(error.message))
    return 'it asks for a password, and none is given'
  return networkTrouble(error, { address: 'POSTGRES_URL, or PGHOST and PGPORT', ca: 'POSTGRES_CA' })
}
