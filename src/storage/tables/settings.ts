import type { Reader, SettingRow, Tx } from '../sql/database.ts'

/** A setting by its name: one indexed read, to be compiled once (see Sql.first). */
export const settingByName = (db: Reader) =>
  db.selectFrom('setting').select('value').where('name', '=', '').compile()

export async function upsertSetting(tx: Tx, row: SettingRow): Promise<void> {
  await tx
    .insertInto('setting')
    .values(row)
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: row.value }))
    .execute()
}

/** What is known first stays. */
export async function insertSettingOnce(tx: Tx, row: SettingRow): Promise<void> {
  await tx
    .insertInto('setting')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** The value of a setting, which nobody else can change before the transaction ends. */
export async function lockSetting(tx: Tx, name: string): Promise<string | undefined> {
  const row = await tx
    .updateTable('setting')
    .set((eb) => ({ value: eb.ref('value') }))
    .where('name', '=', name)
    .returning('value')
    .executeTakeFirst()
  return row?.value
}

/** Takes away the settings whose names begin with `start`. */
export async function deleteSettingsLike(tx: Tx, start: string): Promise<void> {
  await tx.deleteFrom('setting').where('name', 'like', `${start}%`).execute()
}
