import { openTray } from './support.ts'

// A process of its own, which points npm here and back until it is killed.
const { tray } = await openTray({ folder: process.argv[2] ?? '' })
await tray.start()
for (;;) {
  await tray.perform('npm')
  process.stdout.write('switched\n')
}
