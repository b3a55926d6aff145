import { readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { silentLog } from '../../../src/base/log.ts'
import { minutes } from '../../../src/base/time.ts'
import { openStorage } from '../../../src/storage/storage.ts'
import { takeLease } from '../../../src/storage/tables/leases.ts'
import { readEverything } from '../../support/checker.ts'
import { entropic } from '../../support/command-line.ts'
import { NpmUser } from '../../support/npm-user.ts'
import { makeToken, ServerProcess } from '../../support/server-process.ts'
import { migrationsFolder, missing, postgresUrl } from '../../support/services.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

type Environment = Readonly<Record<string, string>>

/** A folder with a registry in it, a place for a backup, and one to restore to. */
async function places() {
  const folder = await temporaryFolder()
  const [here, away, there] = [
    join(folder.path, 'here'),
    join(folder.path, 'away'),
    join(folder.path, 'there'),
  ]
  const run = (place: string, environment: Environment, ...args: string[]) =>
    entropic({ folder: folder.path, environment: { CACHE_DIR: place, ...environment } }, ...args)
  return { here, away, there, run, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

async function publishing(here: string) {
  const server = await ServerProcess.start({ folder: here })
  const kim = new NpmUser(server.url, 'kim', await makeToken(here, 'kim'))
  return { server, kim }
}

for (const [engine, reason] of [
  ['SQLite', undefined],
  ['Postgres', missing.postgres],
] as const)
  test.skipIf(reason)(
    `a backup made while many publish is whole, and is restored into ${engine}`,
    async () => {
      await using p = await places()
      const { server, kim } = await publishing(p.here)
      await using _ = server
      let going = true
      const acknowledged: string[] = []
      const writer = async (name: string) => {
        for (let n = 0; going; n += 1) {
          const files = { 'index.js': `${name} ${n}`, 'same.js': 'in all' }
          if ((await kim.publish(`@kim/${name}`, `1.0.${n}`, { files })).status === 201)
            acknowledged.push(`@kim/${name}@1.0.${n}`)
        }
      }
      const writers = ['a', 'b', 'c'].map(writer)
      while (acknowledged.length < 6) await new Promise((resolve) => setImmediate(resolve))
      const first = await p.run(p.here, {}, 'backup', p.away)
      const before = [...acknowledged]
      const second = await p.run(p.here, {}, 'backup', p.away)
      going = false
      await Promise.all(writers)
      expect([first.code, first.stderr, second.code, second.stderr]).toEqual([0, '', 0, ''])
      const environment: Environment =
        engine === 'SQLite' ? {} : { POSTGRES_URL: (await postgresUrl()) ?? '' }
      const restored = await p.run(p.there, environment, 'restore', p.away)
      expect([restored.code, restored.stderr]).toEqual([0, ''])
      await using other = await ServerProcess.start({ folder: p.there, env: environment })
      const read = await readEverything(other.url, ['@kim/a', '@kim/b', '@kim/c'])
      expect(read.filter((it) => !acknowledged.includes(it))).toEqual([])
      expect(before.filter((it) => !read.includes(it))).toEqual([])
      const again = new NpmUser(other.url, 'kim', kim.token)
      expect((await again.publish('@kim/d', '1.0.0')).status).toBe(201)
    },
  )

test('what is damaged makes no backup, and what is broken off is none', async () => {
  await using p = await places()
  const { server, kim } = await publishing(p.here)
  await kim.publish('@kim/box', '1.0.0', { files: { 'index.js': 'box' } })
  await server.stop()
  const blobs = join(p.here, 'blobs')
  const [blob = ''] = (await readdir(blobs, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  const whole = await readFile(blob)
  await truncate(blob)
  expect(await p.run(p.here, {}, 'backup', p.away)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('changed: '),
  })
  expect(await p.run(p.there, {}, 'restore', p.away)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no whole backup'),
  })
  const nowhere = `${p.away}/none`
  expect(await p.run(p.there, {}, 'restore', nowhere)).toMatchObject({
    code: 1,
    stderr: `There is no folder ${nowhere}.\n`,
  })
  await writeFile(blob, whole)
  expect(await p.run(p.here, {}, 'backup', p.away)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('of which 1 were new'),
  })
})

test('only an empty place is restored into, and an unfinished one is not served', async () => {
  await using p = await places()
  const { server, kim } = await publishing(p.here)
  await kim.publish('@kim/box', '1.0.0', { files: { 'index.js': 'box' } })
  await server.stop()
  await p.run(p.here, {}, 'backup', p.away)
  expect(await p.run(p.here, {}, 'restore', p.away)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('nothing is ever written over'),
  })
  const secret = join(p.away, 'secrets/oauth-password')
  expect([(await stat(secret)).mode & 0o777, (await stat(join(secret, '..'))).mode & 0o777]).toEqual([
    0o600, 0o700,
  ])
  const blobs = join(p.away, 'blobs')
  const [blob = ''] = (await readdir(blobs, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  const whole = await readFile(blob)
  await rm(blob)
  expect(await p.run(p.there, {}, 'restore', p.away)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('missing: '),
  })
  expect(await p.run(p.there, {}, 'user', 'list')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('not all there yet'),
  })
  await writeFile(blob, whole)
  expect(await p.run(p.there, {}, 'restore', p.away)).toMatchObject({ code: 0, stderr: '' })
  expect(await p.run(p.there, {}, 'user', 'list')).toMatchObject({ code: 0 })
})

test('nobody tidies up while a backup is written, and none is written while somebody does', async () => {
  await using p = await places()
  await p.run(p.here, {}, 'migrate')
  {
    await using storage = await openStorage({
      folder: p.here,
      migrations: migrationsFolder,
      log: silentLog,
    })
    await takeLease(storage.sql, { name: 'upkeep', holder: 'another', ttl: minutes(5) })
    for (const command of [['backup', p.away], ['gc']])
      expect(await p.run(p.here, {}, ...command)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('Try again in a minute'),
      })
    await storage.sql.transaction((tx) => tx.deleteFrom('lease').execute())
  }
  expect(await p.run(p.here, {}, 'backup', p.away)).toMatchObject({ code: 0 })
})

test('a folder with something else in it is left alone, and a manifest leads nowhere else', async () => {
  await using p = await places()
  await p.run(p.here, {}, 'migrate')
  expect(await p.run(p.here, {}, 'backup', p.here)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('holds something else: entropic.db'),
  })
  await p.run(p.here, {}, 'backup', p.away)
  const path = join(p.away, 'manifest.json')
  const manifest = JSON.parse(await readFile(path, 'utf8'))
  await writeFile(path, JSON.stringify({ ...manifest, secrets: { '../elsewhere': 'inside' } }))
  expect(await p.run(p.there, {}, 'restore', p.away)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is damaged'),
  })
})

test('a secret that is configured is not inside, and is asked for', async () => {
  await using p = await places()
  const environment = { OAUTH_PASSWORD: 'a password of the configuration, long enough' }
  await p.run(p.here, environment, 'migrate')
  expect(await p.run(p.here, environment, 'backup', p.away)).toMatchObject({ code: 0, stderr: '' })
  expect(await readdir(join(p.away, 'secrets'))).not.toContain('oauth-password')
  expect(await p.run(p.there, {}, 'restore', p.away)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('OAUTH_PASSWORD was configured'),
  })
  expect(await p.run(p.there, environment, 'restore', p.away)).toMatchObject({ code: 0, stderr: '' })
})
