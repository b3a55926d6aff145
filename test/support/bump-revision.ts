import { silentLog } from '../../src/base/log.ts'
import { openStorage } from '../../src/storage/storage.ts'

// Run as a process of its own: node bump-revision.ts <storage config as JSON> <package id> <times>
const [config = '', id = '', times = ''] = process.argv.slice(2)
await using storage = await openStorage({ ...JSON.parse(config), log: silentLog })
for (let i = 0; i < Number(times); i++) {
  await storage.sql.transaction((tx) =>
    tx
      .updateTable('package')
      .set((row) => ({ revision: row('revision', '+', 1) }))
      .where('id', '=', id)
      .execute(),
  )
}
