import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Autostart } from '../../src/tray/autostart.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('a desktop starts the tray at login by the very words that started it', async () => {
  await using folder = await temporaryFolder()
  const command = ['/opt/my apps/electron', '--entropic=["a\\b","$HOME","100%"]']
  const autostart = new Autostart({ folder: folder.path, command })
  expect(await autostart.isOn()).toBe(false)
  await autostart.switch('yes')
  expect(await autostart.isOn()).toBe(true)
  expect(await readFile(join(folder.path, 'autostart/entropic-tray.desktop'), 'utf8')).toContain(
    String.raw`Exec="/opt/my apps/electron" "--entropic=[\\"a\\\\b\\",\\"\\$HOME\\",\\"100%%\\"]"`,
  )
  await autostart.switch('no')
  await autostart.switch('no')
  expect(await autostart.isOn()).toBe(false)
})
