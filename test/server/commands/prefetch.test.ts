import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { wishesOf } from '../../../src/server/commands/prefetch.ts'
import { Client } from '../../clients/client.ts'
import { entropic } from '../../support/command-line.ts'
import { ServerProcess } from '../../support/server-process.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { startUpstream } from '../../support/upstream.ts'

const packages = {
  app: { '1.0.0': { manifest: { dependencies: { lib: '^1.0.0' }, optionalDependencies: { native: '1' } } } },
  lib: { '1.0.0': {}, '1.2.0': {}, '2.0.0': {} },
  native: { '1.0.0': { manifest: { os: ['darwin'] } } },
}

test('what was prefetched beside a running server is installed from it with the upstream gone', async () => {
  await using upstream = await startUpstream({ packages })
  await using folder = await temporaryFolder()
  await using server = await ServerProcess.start({ folder: folder.path, upstream: upstream.url })
  const run = (...args: string[]) =>
    entropic({ folder: folder.path, environment: { UPSTREAM: upstream.url } }, ...args)
  const first = await run('prefetch', 'app', '--os', 'linux,win32')
  expect(first).toMatchObject({ code: 0, stderr: '' })
  expect(first.stdout).toMatch(/^2 fetched \(\d.*\), 0 stored already \(0 bytes\)\n1 for other platforms\n$/)
  expect((await run('prefetch', 'app')).stdout).toMatch(/^1 fetched \(.*\), 2 stored already \(.*\)\n$/)
  expect(await run('mode', 'offline')).toMatchObject({ code: 0, stdout: 'offline\n' })
  await upstream.stop()
  const client = await Client.open('npm', { folder: folder.path, registry: server.url })
  const added = await client.add('app')
  expect(added.code, added.output).toBe(0)
})

test('a server follows the network mode, and says how to get what is missing', async () => {
  await using upstream = await startUpstream({ packages })
  await using folder = await temporaryFolder()
  await using server = await ServerProcess.start({ folder: folder.path, upstream: upstream.url })
  const get = async (path: string) => {
    const reply = await fetch(server.url + path)
    return [reply.status, await reply.text()] as const
  }
  expect((await get('/lib'))[0]).toBe(200)
  await entropic({ folder: folder.path }, 'mode', 'offline')
  const asked = upstream.count()
  expect(await get('/app')).toEqual([404, expect.stringContaining('entropic prefetch app')])
  expect(await get('/lib/-/lib-1.0.0.tgz')).toEqual([
    404,
    expect.stringContaining('entropic prefetch lib@1.0.0'),
  ])
  expect(upstream.count()).toBe(asked)
  await entropic({ folder: folder.path }, 'mode', 'online')
  expect((await get('/lib/-/lib-1.0.0.tgz'))[0]).toBe(200)
})

test('what cannot be had is named, and the exit code tells', async () => {
  await using upstream = await startUpstream({ packages })
  await using folder = await temporaryFolder()
  const lock = {
    packages: { 'node_modules/lib': { version: '1.0.0' }, 'node_modules/gone': { version: '3.0.0' } },
  }
  await writeFile(join(folder.path, 'package-lock.json'), JSON.stringify(lock))
  const { code, stdout } = await entropic(
    { folder: folder.path, environment: { UPSTREAM: upstream.url } },
    'prefetch',
    'package-lock.json',
  )
  expect([code, stdout]).toEqual([1, expect.stringMatching(/1 fetched .*\nmissing: gone@3\.0\.0: /)])
  const wanted = ['prefetch', 'lib@^99', 'gone']
  const none = await entropic({ folder: folder.path, environment: { UPSTREAM: upstream.url } }, ...wanted)
  expect(none.stdout).toContain('missing: lib@^99: there is no such version\n')
  expect(none.stdout).toContain('missing: gone@latest: Could not find "gone"')
})

test.each(['nosuch.json', 'nosuch.yml', 'nosuch.lockb', 'no/such'])(
  'says that there is no file %s, and asks nobody for a package of that name',
  async (name) => {
    await expect(wishesOf([name])).rejects.toMatchObject({
      message: `There is no file ${name}.`,
      exitCode: 2,
    })
  },
)
