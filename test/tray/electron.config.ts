import { defineConfig } from 'vitest/config'

// Apart from the ordinary tests: a desktop and an Electron of some hundred megabytes are needed. `npm run test:tray`.
export default defineConfig({
  test: { include: ['test/tray/electron.desktop.ts'], testTimeout: 120_000, hookTimeout: 60_000 },
})
