import { join } from 'node:path'
import { cache, root } from '../appliance/paths.ts'

/** The tray as an application that Electron runs: a folder. */
export const trayFolder = join(root, 'build/tray')

/** Where the Electron of `npm run test:tray` lies, unless ELECTRON_OVERRIDE_DIST_PATH names another. */
export const electronFixture = process.env.ELECTRON_OVERRIDE_DIST_PATH || join(cache, 'electron')
