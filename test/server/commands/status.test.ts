import { expect, test } from 'vitest'
import manifest from '../../../package.json' with { type: 'json' }
import { entropic } from '../../support/command-line.ts'
import { ServerProcess } from '../../support/server-process.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

test('status finds the server on the data, and none that was killed or stopped', async () => {
  await using folder = await temporaryFolder()
  const status = async () => {
    const { code, stdout } = await entropic({ folder: folder.path }, 'status', '--json')
    return { code, ...JSON.parse(stdout) }
  }
  {
    await using killed = await ServerProcess.start({ folder: folder.path })
    expect(await status()).toMatchObject({
      code: 0,
      server: { url: killed.url, version: manifest.version },
      mode: 'online',
      stored: { packages: 0, tarballs: 0, bytes: 0, saved: 0 },
    })
  }
  expect(await status()).toMatchObject({ code: 1, server: null })
  await using stopped = await ServerProcess.start({ folder: folder.path })
  expect(await status()).toMatchObject({ code: 0, server: { url: stopped.url } })
  await stopped.stop()
  const { stdout } = await entropic({ folder: folder.path }, 'status')
  expect(stdout).toMatch(/^server +none runs\nupstream +online\nstored +0 packages, 0 tarballs, 0 bytes\n/)
})

test('status says that there is no upstream', async () => {
  await using folder = await temporaryFolder()
  const { stdout } = await entropic({ folder: folder.path, environment: { UPSTREAM: 'none' } }, 'status')
  expect(stdout).toMatch(/^upstream +none$/m)
})
