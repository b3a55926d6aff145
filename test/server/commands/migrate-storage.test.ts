import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { silentLog } from '../../../src/base/log.ts'
import { sumsOf } from '../../../src/storage/move/rows.ts'
import { openStorage } from '../../../src/storage/storage.ts'
import { readEverything } from '../../support/checker.ts'
import { entropic } from '../../support/command-line.ts'
import { NpmUser } from '../../support/npm-user.ts'
import { s3Address } from '../../support/s3.ts'
import { makeToken, ServerProcess } from '../../support/server-process.ts'
import { migrationsFolder, missing, postgresUrl } from '../../support/services.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

async function contentOf(folder: string) {
  await using storage = await openStorage({ folder, migrations: migrationsFolder, log: silentLog })
  return await sumsOf(storage.sql.read, 'sqlite')
}

test.skipIf(missing.postgres ?? missing.s3)(
  'a registry moves to Postgres and S3 and back, and is the same',
  async () => {
    await using folder = await temporaryFolder()
    const here = join(folder.path, 'here')
    const { endpoint, bucket, region, accessKeyId, secretAccessKey, prefix } = await s3Address()
    const [postgres, s3] = [
      { POSTGRES_URL: (await postgresUrl()) ?? '' },
      {
        S3_ENDPOINT: endpoint,
        S3_BUCKET: bucket,
        S3_REGION: region,
        S3_ACCESS_KEY_ID: accessKeyId,
        S3_SECRET_ACCESS_KEY: secretAccessKey,
        S3_PREFIX: prefix,
      },
    ]
    const run = (...args: string[]) =>
      entropic({ folder: folder.path, environment: { CACHE_DIR: here, ...postgres, ...s3 } }, ...args)
    const kim = await publishBox(here)
    const before = await contentOf(here)

    const moved = await run('migrate-storage', '--from', 'sqlite,disk', '--to', 'postgres,s3')
    expect([moved.code, moved.stderr]).toEqual([0, ''])
    expect(moved.stdout).toMatch(/^Copied and compared: \d+ rows and \d+ files/)
    const taken = await run('migrate-storage', '--from', 'postgres,s3', '--to', 'sqlite,disk')
    expect(taken).toMatchObject({ code: 1, stderr: expect.stringContaining('not empty') })
    for (const name of ['entropic.db', 'blobs']) await rm(join(here, name), { recursive: true })
    const back = await run('migrate-storage', '--from', 'postgres,s3', '--to', 'sqlite,disk')
    expect([back.code, back.stderr]).toEqual([0, ''])
    expect(await contentOf(here)).toEqual(before)
    {
      await using server = await ServerProcess.start({ folder: here, env: { ...postgres, ...s3 } })
      expect(await readEverything(server.url, ['@kim/box'])).toEqual(['@kim/box@1.0.0'])
      const again = await run('migrate-storage', '--from', 'postgres', '--to', 'sqlite')
      expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('A server runs on') })
      await server.stop()
    }

    const away = join(folder.path, 'away')
    expect(await entropic({ folder: here }, 'backup', away)).toMatchObject({ code: 0, stderr: '' })
    const environment = { POSTGRES_URL: (await postgresUrl()) ?? '', ...s3, S3_PREFIX: 'else/where' }
    const there = join(folder.path, 'there')
    await mkdir(there)
    expect(await entropic({ folder: there, environment }, 'restore', away)).toMatchObject({
      code: 0,
      stderr: '',
    })
    await using server = await ServerProcess.start({ folder: there, env: environment })
    expect(await readEverything(server.url, ['@kim/box'])).toEqual(['@kim/box@1.0.0'])
    expect((await new NpmUser(server.url, 'kim', kim).publish('@kim/box', '1.1.0')).status).toBe(201)
  },
)

async function publishBox(here: string): Promise<string> {
  await using server = await ServerProcess.start({ folder: here })
  const token = await makeToken(here, 'kim')
  const kim = new NpmUser(server.url, 'kim', token)
  await kim.publish('@kim/box', '1.0.0', { files: { 'index.js': 'box' } })
  await server.stop()
  return token
}
