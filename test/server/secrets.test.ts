import { chmod, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { keptSecret, secretsOf } from '../../src/server/secrets.ts'
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
  await using folder = await temporaryFolder()
  const config = { cacheDir: folder.path, sessionSecret: 'a', oauthPassword: 'b' }
  expect(await secretsOf(config)).toMatchObject({ sessionSecret: 'a', oauthPassword: 'b' })
  expect(await readdir(join(folder.path, 'secrets'))).toEqual(['signing-key.pem'])
})
