import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { electronFixture } from '../../scripts/tray/paths.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { Desktop } from './desktop.ts'

const TRAY = join(import.meta.dirname, '../../scripts/tray/main.ts')
/** The filled side of the parcel. */
const ACCENT = { light: '#a8380f', dark: '#ff9b70' } as const
const NPMRC = 'fund=false'

/** The test's own limit ends what never comes true. */
async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await sleep(100)
}

test.each(['light', 'dark'] as const)(
  'on a %s panel the tray shows its icon, opens its menu and quits cleanly',
  async (look) => {
    await using home = await temporaryFolder()
    const npmrc = join(home.path, '.npmrc')
    await writeFile(npmrc, NPMRC)
    await using desktop = await Desktop.start(home.path, look)
    const flags = ['--no-sandbox', '--disable-gpu', ...(look === 'dark' ? ['--force-dark-mode'] : [])]
    const data = join(home.path, 'data')
    const tray = spawn(process.execPath, [TRAY, ...flags], {
      env: {
        ...desktop.environment,
        ELECTRON_OVERRIDE_DIST_PATH: electronFixture,
        NPM_CONFIG_USERCONFIG: npmrc,
        CACHE_DIR: data,
        PORT: '0',
        UPSTREAM: 'none',
      },
      stdio: 'ignore',
    })
    const pictures = process.env.TRAY_PICTURES
    const picture = async (name: string) => {
      if (!pictures) return
      await mkdir(pictures, { recursive: true })
      await desktop.picture(join(pictures, `${name}-${look}.png`))
    }
    try {
      await until(() => existsSync(join(data, 'running.json')))
      const { url, pid } = JSON.parse(await readFile(join(data, 'running.json'), 'utf8'))
      await until(async () => (await desktop.pixelsOf(ACCENT[look])) > 20)
      await picture('icon')

      await until(async () => {
        await desktop.click('right')
        await sleep(500)
        await picture('menu')
        // From below: Quit, the log, login, Stop, Restart, the lock file, Offline, npm.
        await desktop.press(...Array(8).fill('Up'), 'Return')
        await sleep(500)
        return (await readFile(npmrc, 'utf8')).includes(`registry=${url}/`)
      })
      await desktop.click('right')
      await sleep(500)
      await picture('in-use')
      await desktop.press('Up', 'Return')
      await once(tray, 'exit')
      expect(tray.exitCode).toBe(0)
      expect(await readFile(npmrc, 'utf8')).toBe(NPMRC)
      expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    } finally {
      tray.kill()
    }
  },
)
