import { chmod, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { newSigningKey, rotated, Signer } from '../../src/registry/signer.ts'
import { changeSigningKey, keptSecret, secretsOf } from '../../src/server/secrets.ts'
import { openStorage } from '../../src/storage/storage.ts'
import { testApp } from '../support/app.ts'
import { type Cleanup, missing, postgres, temporaryFolder as temporaryFolderOf } from '../support/services.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const modeOf = async (path: string) => (await stat(path)).mode & 0o777

test('a secret is made once and kept for its owner alone', async () => {
  await using folder = await temporaryFolder()
  const secret = await keptSecret(join(folder.path, 'secrets'), 'key')
  expect(secret).toMatch(/^[\w-]{43}$/)
  expect(await keptSecret(join(folder.path, 'secrets'), 'key')).toBe(secret)
  expect(await modeOf(join(folder.path, 'secrets'))).toBe(0o700)
  expect(await modeOf(join(folder.path, 'secrets/key'))).toBe(0o600)
})

test('many who start at once get the same secret', async () => {
  await using folder = await temporaryFolder()
  const secrets = await Promise.all(Array.from({ length: 30 }, () => keptSecret(folder.path, 'key')))
  expect(new Set(secrets).size).toBe(1)
  expect(await readdir(folder.path)).toEqual(['key'])
})

test('a kept secret that others could read is closed to them', async () => {
  await using folder = await temporaryFolder()
  await keptSecret(folder.path, 'key')
  await chmod(join(folder.path, 'key'), 0o644)
  await keptSecret(folder.path, 'key')
  expect(await modeOf(join(folder.path, 'key'))).toBe(0o600)
})

test('an emptied secret is told, not replaced', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'key'), '')
  await expect(keptSecret(folder.path, 'key')).rejects.toThrow('holds no secret')
})

test('a configured secret is taken as it is, and only the signing key is written', async () => {
  await using app = await testApp()
  const config = { cacheDir: app.folder, sessionSecret: 'a', oauthPassword: 'b' }
  expect(await secretsOf(config, app.storage)).toMatchObject({ sessionSecret: 'a', oauthPassword: 'b' })
  expect(await readdir(join(app.folder, 'secrets'))).toEqual(['signing-key.pem'])
})

describe.skipIf(missing.postgres)(
  `servers of one Postgres database${missing.postgres ? ` – ${missing.postgres}` : ''}`,
  () => {
    async function fleet(t: Cleanup) {
      const place = await postgres.place()
      t.onTestFinished(async () => place[Symbol.asyncDispose]())
      const server = async (oauthPassword?: string) => {
        const storage = await openStorage(place.config)
        t.onTestFinished(async () => storage[Symbol.asyncDispose]())
        const config = { cacheDir: await temporaryFolderOf(t), sessionSecret: undefined, oauthPassword }
        return { config, storage, secrets: () => secretsOf(config, storage) }
      }
      return { place, server }
    }

    test('agree on their secrets when they start at once, with nothing in common but OAUTH_PASSWORD', async (t) => {
      const { server } = await fleet(t)
      const servers = await Promise.all(Array.from({ length: 5 }, () => server('the same')))
      const secrets = await Promise.all(servers.map((one) => one.secrets()))
      expect(new Set(secrets.map((one) => JSON.stringify(one))).size).toBe(1)
      const { storage } = await server()
      const rows = await storage.sql.read.selectFrom('setting').select('value').execute()
      expect(JSON.stringify(rows)).not.toContain('PRIVATE KEY')
    })

    test('with another OAUTH_PASSWORD are refused', async (t) => {
      const { server } = await fleet(t)
      await (await server('the same')).secrets()
      await expect((await server('another')).secrets()).rejects.toThrow(
        'All servers of one database need the same',
      )
      await expect((await server()).secrets()).rejects.toThrow('secrets/oauth-password')
    })

    test('take over what the first one had in its folder, and a rotated key', async (t) => {
      const { server } = await fleet(t)
      const first = await server('the same')
      const kept = await keptSecret(join(first.config.cacheDir, 'secrets'), 'signing-key.pem', newSigningKey)
      await first.secrets()
      const second = await server('the same')
      expect((await second.secrets()).signingKey).toBe(kept)
      const changes = await Promise.all(
        [first, second].map(({ config, storage }) =>
          changeSigningKey(config, storage, (pem) => rotated(pem, '2026-01-01T00:00:00.000Z')),
        ),
      )
      const { signingKey } = await (await server('the same')).secrets()
      expect(changes).toContain(signingKey)
      expect(new Signer(signingKey).keys).toHaveLength(3)
    })
  },
)
