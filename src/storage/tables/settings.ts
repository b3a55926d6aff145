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
