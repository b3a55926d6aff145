import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseDigest } from '../../src/base/digest.ts'
import { seconds } from '../../src/base/time.ts'
import { testApp } from '../support/app.ts'
import { fileOf } from '../support/blobs.ts'
import { onEveryStorage } from '../support/services.ts'

/** Whatever the age: S3 tells it by the second, rounded up. */
const NONE = seconds(-2)

onEveryStorage('garbage', (engine) => {
  test('is what no version refers to any more; the rest stays whole', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    await kim.publish('box', '1.0.0', { files: { 'kept.js': 'kept', 'README.md': '# Box' } })
    await kim.publish('box', '1.1.0', { files: { 'kept.js': 'kept', 'gone.js': 'gone' } })
    expect(await app.registry.upkeep.collectGarbage({ settling: NONE })).toEqual({ blobs: 0, bytes: 0 })
    expect(await app.registry.upkeep.savedBytes()).toBe('kept'.length)

    const { json: document } = await kim.get('/box?write=true')
    delete document.versions['1.1.0']
    await kim.send('PUT', `/box/-rev/${document._rev}`, { body: document })
    expect((await app.registry.upkeep.collectGarbage()).blobs).toBe(0) // too young
    const would = await app.registry.upkeep.collectGarbage({ dryRun: true, settling: NONE })
    expect(await app.registry.upkeep.collectGarbage({ settling: NONE })).toEqual(would)
    // tarball, tree, manifest, package.json, gone.js
    expect(would.blobs).toBe(5)
    expect((await app.registry.upkeep.verify()).damages).toEqual([])
  })
})

test('a missing and a changed blob are found', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await kim.publish('box', '1.0.0')
  await kim.publish('bag', '1.0.0')
  const blob = async (name: string) => {
    const { json } = await kim.get(`/${name}`)
    return join(app.folder, 'blobs', fileOf(parseDigest(json.versions['1.0.0'].dist.integrity)))
  }
  await rm(await blob('box'))
  await writeFile(await blob('bag'), 'something else')
  const { damages } = await app.registry.upkeep.verify()
  expect(damages.map(({ what }) => what).sort()).toEqual(['changed', 'missing'])
})
