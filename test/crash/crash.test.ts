import { setTimeout as wait } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { systemClock } from '../../src/base/time.ts'
import { createRegistry } from '../../src/registry/registry.ts'
import { openStorage } from '../../src/storage/storage.ts'
import { NpmUser } from '../support/npm-user.ts'
import { makeToken, ServerProcess } from '../support/server-process.ts'
import { migrationsFolder } from '../support/services.ts'
import { sha512 } from '../support/tarball.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startUpstream } from '../support/upstream.ts'

/** How often each test kills the server; more by hand, when something about durability was changed. */
const CRASHES = Number(process.env.CRASHES ?? 8)

test('what was acknowledged before a kill is whole after it, and nothing half done is visible', async () => {
  await using folder = await temporaryFolder()
  const token = await makeToken(folder.path, 'kim')
  const acknowledged = new Set<string>()
  let version = 0
  for (let crash = 0; crash < CRASHES; crash++) {
    await using server = await ServerProcess.start({ folder: folder.path })
    const kim = new NpmUser(server.url, 'kim', token)
    const before = acknowledged.size
    const publishing = Array.from({ length: 4 }, () =>
      publishUntilKilled(kim, () => `1.0.${version++}`, acknowledged),
    )
    await vi.waitUntil(() => acknowledged.size > before, { timeout: 30_000, interval: 5 })
    await wait(Math.random() * 50) // any moment of a publish
    await server.kill()
    await Promise.all(publishing)
  }
  await using server = await ServerProcess.start({ folder: folder.path })
  const kim = new NpmUser(server.url, 'kim', token)
  const { versions = {} } = (await kim.get('/box')).json
  for (const known of acknowledged) expect(versions).toHaveProperty([known])
  for (const [known, manifest] of Object.entries<{ dist: { integrity: string } }>(versions)) {
    const { bytes } = await kim.get(`/box/-/box-${known}.tgz`)
    expect(sha512(bytes)).toBe(manifest.dist.integrity)
  }
  expect(acknowledged.size).toBeGreaterThan(0)
  await server.stop()
  await expectSound(folder.path)
}, 120_000)

test('a download cut by a kill never enters the store, and the next one succeeds', async () => {
  await using folder = await temporaryFolder()
  const content = 'x'.repeat(2_000_000)
  const releases = Object.fromEntries(
    Array.from({ length: CRASHES + 1 }, (_, n) => [`1.0.${n}`, { files: { 'big.txt': content + n } }]),
  )
  await using upstream = await startUpstream({ packages: { big: releases } })
  for (let crash = 0; crash < CRASHES; crash++) {
    await using server = await ServerProcess.start({ folder: folder.path, upstream: upstream.url })
    const reader = new NpmUser(server.url, 'anybody', undefined)
    const reading = reader.get(`/big/-/big-1.0.${crash}.tgz`).catch(() => undefined)
    await wait(5 + Math.random() * 60) // any moment of a download
    await server.kill()
    await reading
  }
  await using server = await ServerProcess.start({ folder: folder.path, upstream: upstream.url })
  const reader = new NpmUser(server.url, 'anybody', undefined)
  const { json } = await reader.get('/big')
  for (const version of Object.keys(releases)) {
    const { bytes } = await reader.get(`/big/-/big-${version}.tgz`)
    expect(sha512(bytes)).toBe(json.versions[version].dist.integrity)
  }
  await server.stop()
  await expectSound(folder.path)
}, 120_000)

async function publishUntilKilled(
  user: NpmUser,
  next: () => string,
  acknowledged: Set<string>,
): Promise<void> {
  try {
    for (;;) {
      const version = next()
      const files = { 'index.js': version, 'README.md': '# Box', 'data.txt': version.repeat(5000) }
      const { status } = await user.publish('box', version, { files })
      if (status === 201) acknowledged.add(version)
    }
  } catch {
    // the server was killed
  }
}

/** Every blob that is referred to is whole, and after clean-up no other is left. */
async function expectSound(folder: string): Promise<void> {
  await using storage = await openStorage({ folder, migrations: migrationsFolder, log: silentLog })
  await storage.blobs.sweepSpool(-1)
  const limits = { tarball: 2 ** 30, unpacked: 2 ** 30, files: 1000, dependencies: 1000 }
  const mirrorPolicy = { packumentTtl: 0, staleLimit: 0, mode: 'offline' as const }
  const { upkeep } = createRegistry({
    sealingKey: 'unused here',
    storage,
    clock: systemClock,
    log: silentLog,
    limits,
    host: () => 'here',
    mirrorPolicy,
  })
  expect((await upkeep.verify()).damages).toEqual([])
  await upkeep.collectGarbage({ settling: -1 })
  expect(await upkeep.collectGarbage({ settling: -1 })).toEqual({ blobs: 0, bytes: 0 })
  expect((await upkeep.verify()).damages).toEqual([])
}
