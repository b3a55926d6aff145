import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Digest } from '../../src/base/digest.ts'
import type { VersionRow } from '../../src/storage/sql/database.ts'
import { type TestApp, testApp } from '../support/app.ts'
import { fileOf } from '../support/blobs.ts'
import { startUpstream } from '../support/upstream.ts'

async function versionOf(app: TestApp, npmName: string): Promise<VersionRow> {
  return app.storage.sql.read
    .selectFrom('version')
    .innerJoin('package', 'package.id', 'version.package_id')
    .selectAll('version')
    .where('npm_name', '=', npmName)
    .executeTakeFirstOrThrow()
}

function placeOf({ folder }: TestApp, digest: Digest | null): string {
  return join(folder, 'blobs', fileOf(digest ?? 'sha512-'))
}

test('what upstream or a tarball can give back is given back', async () => {
  await using upstream = await startUpstream({ packages: { 'left-pad': { '1.3.0': {} } } })
  await using app = await testApp({ upstream: upstream.url })
  const kim = await app.user('kim')
  await kim.publish('@kim/box', '1.0.0', { files: { 'index.js': 'box', 'README.md': '# Box' } })
  expect((await kim.get('/v1/packages/package/legacy/left-pad/versions/1.3.0')).status).toBe(200)
  const { registry, storage } = app
  const [mirrored, ours] = [await versionOf(app, 'left-pad'), await versionOf(app, '@kim/box')]
  const tarball = await readFile(placeOf(app, mirrored.tarball))
  await writeFile(placeOf(app, mirrored.tarball), 'other bytes')
  for (const tree of [mirrored.tree, ours.tree])
    for (const { digest } of await registry.contents.tree(tree ?? 'sha512-'))
      await storage.blobs.remove(digest)
  await storage.blobs.remove(ours.tree ?? 'sha512-')
  await writeFile(placeOf(app, mirrored.integrity), '{}')
  const { damages } = await registry.upkeep.verify()
  expect(damages.length).toBeGreaterThanOrEqual(5)
  await registry.repair.mend(damages)
  // What a damaged tree holds is known once it is back.
  expect((await registry.upkeep.verify()).damages).toEqual([])
  expect((await readFile(placeOf(app, mirrored.tarball))).equals(tarball)).toBe(true)
})

test('what nobody else has stays lost, and is told again', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await kim.publish('@kim/box', '1.0.0')
  await writeFile(placeOf(app, (await versionOf(app, '@kim/box')).tarball), 'other bytes')
  const { damages } = await app.registry.upkeep.verify()
  await app.registry.repair.mend(damages)
  const left = (await app.registry.upkeep.verify()).damages
  expect(left.map(({ digest, what }) => [digest, what])).toEqual(
    damages.map(({ digest }) => [digest, 'missing']),
  )
})
