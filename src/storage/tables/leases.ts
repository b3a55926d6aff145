import { sql } from 'kysely'
import type { Millis } from '../../base/time.ts'
import type { Sql, Tx } from '../sql/database.ts'

/** A lease that was held: `fence` tells this holding from all earlier and later ones. */
export type Held = { readonly name: string; readonly fence: number }

/** The database's own "now" in milliseconds: machines may disagree about the time, and the database is one. */
const clockOf = (engine: Sql['engine']) =>
  engine === 'sqlite'
    ? sql<Millis>`cast(unixepoch('subsec') * 1000 as integer)`
    : sql<Millis>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`

/** Takes or prolongs the lease `name` for `ttl` from now; undefined while another holder has it. */
export async function takeLease(
  db: Sql,
  { name, holder, ttl }: { name: string; holder: string; ttl: Millis },
): Promise<Held | undefined> {
  const now = clockOf(db.engine)
  const { rows } = await db.transaction((tx) =>
    sql<{ fence: number }>`
      insert into lease (name, holder, fence, until) values (${name}, ${holder}, 1, ${now} + ${sql.lit(ttl)})
      on conflict (name) do update set
        fence = lease.fence + case when lease.holder = excluded.holder then 0 else 1 end,
        holder = excluded.holder,
        until = excluded.until
      where lease.holder = excluded.holder or lease.until <= ${now}
      returning fence`.execute(tx),
  )
  const [row] = rows
  return row && { name, fence: row.fence }
}

/**
 * Whether the lease is still held, for the transaction that asks: nobody can take it over before that ends. Its time may be up; as long as no
 * other took it, what the holder writes harms nobody.
 */
export async function confirmLease(tx: Tx, { name, fence }: Held): Promise<boolean> {
  const row = await tx
    .updateTable('lease')
    .set((eb) => ({ until: eb.ref('until') }))
    .where('name', '=', name)
    .where('fence', '=', fence)
    .returning('fence')
    .executeTakeFirst()
  return row !== undefined
}

/** Gives the lease back; quiet when another took it meanwhile. */
export async function releaseLease(tx: Tx, { name, fence }: Held): Promise<void> {
  await tx
    .updateTable('lease')
    .set({ until: 0 })
    .where('name', '=', name)
    .where('fence', '=', fence)
    .execute()
}

/** The database's clock. */
export async function databaseNow(db: Sql): Promise<Millis> {
  const { rows } = await sql<{ now: Millis }>`select ${clockOf(db.engine)} as now`.execute(db.read)
  return rows[0]?.now ?? 0
}
