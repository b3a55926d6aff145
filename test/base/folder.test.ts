import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder } from '../../src/base/folder.ts'
import { entropic } from '../support/command-line.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('a folder is made with those it lies in, however many ask at once', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'a/b/c')
  await Promise.all([makeFolder(path), makeFolder(path)])
  expect((await stat(path)).isDirectory()).toBe(true)
})

test.runIf(process.platform === 'linux')(
  'serve and backup say that a folder in /proc cannot be made',
  async () => {
    await using folder = await temporaryFolder()
    const serve = await entropic({ folder: folder.path }, 'serve', '--port', '0', '--cache-dir', '/proc/x')
    expect(serve).toMatchObject({ code: 1, stderr: expect.stringContaining('The folder /proc/x') })
    expect(serve.stderr).toContain('cannot be made')
    const backup = await entropic({ folder: folder.path }, 'backup', '/proc/x')
    expect(backup).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('The folder /proc/x cannot be made'),
    })
  },
)
