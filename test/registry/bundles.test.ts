import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { parseDigest } from '../../src/base/digest.ts'
import { packBundle } from '../../src/registry/bundle/archive.ts'
import { type BundledPackage, FORMAT } from '../../src/registry/bundle/manifest.ts'
import { BundleSigner } from '../../src/registry/bundle/signature.ts'
import type { JsonObject } from '../../src/registry/model.ts'
import { testApp } from '../support/app.ts'
import { packageTarball, sha512 } from '../support/tarball.ts'

const signer = new BundleSigner(Buffer.alloc(32, 7).toString('base64url'))

/** A bundle of a key that is trusted, whose documents promise more versions than it brings. */
async function bundleOf(
  packages: Readonly<Record<string, { brings: string[]; promises: string[] }>>,
  keys: JsonObject[] = [],
) {
  const objects = new Map<string, Buffer>()
  const keep = (bytes: Buffer) => {
    objects.set(sha512(bytes), bytes)
    return { digest: parseDigest(sha512(bytes)), size: bytes.length }
  }
  const packed = Object.entries(packages).map(
    async ([name, { brings, promises }]): Promise<BundledPackage> => {
      const tarballs = await Promise.all(promises.map((version) => packageTarball({ name, version })))
      const versions = promises.map((version, index) => [
        version,
        { name, version, dist: { integrity: sha512(tarballs[index] ?? '') } },
      ])
      const document = {
        name,
        'dist-tags': { latest: promises.at(-1) },
        versions: Object.fromEntries(versions),
      }
      const brought = brings.map((version) => [
        version,
        keep(tarballs[promises.indexOf(version)] ?? Buffer.alloc(0)),
      ])
      return {
        name,
        document: keep(Buffer.from(JSON.stringify(document))),
        versions: Object.fromEntries(brought),
      }
    },
  )
  const about = { format: FORMAT, created: '2026-01-01T00:00:00.000Z', from: 'far.example' } as const
  const manifest = { ...about, keys, packages: await Promise.all(packed) }
  return Readable.from(packBundle(manifest, signer, async (digest) => Readable.from([objects.get(digest)])))
}

test('a bundle whose document promises a version that it does not bring is refused, and nothing of it is seen', async () => {
  await using app = await testApp()
  const honest = { brings: ['1.0.0'], promises: ['1.0.0'] }
  const lying = await bundleOf({ honest, lying: { brings: ['1.0.0'], promises: ['1.0.0', '9.9.9'] } })
  await expect(app.registry.bundles.import(lying, [signer.name])).rejects.toThrow(
    'the document of "lying" promises 9.9.9, which is not in the bundle',
  )
  expect((await fetch(`${app.url}/honest`)).status).toBe(404)
  expect(await app.registry.bundles.import(await bundleOf({ honest }), [signer.name])).toEqual([
    { kind: 'imported', name: 'honest', versions: 1, refused: [] },
  ])
  expect((await fetch(`${app.url}/honest`)).status).toBe(200)
})

test('the keys that signed what is in a bundle come along, and a later word on one of them counts', async () => {
  await using app = await testApp()
  const honest = { brings: ['1.0.0'], promises: ['1.0.0'] }
  const take = async (...keys: JsonObject[]) =>
    app.registry.bundles.import(await bundleOf({ honest }, keys), [signer.name])
  const [a, b] = [
    { keyid: 'SHA256:a', key: 'A', expires: null },
    { keyid: 'SHA256:b', key: 'B', expires: null },
  ]
  await take(a, b)
  await take({ ...b, expires: '2026-01-01T00:00:00.000Z' })
  const { keys } = await (await fetch(`${app.url}/-/npm/v1/keys`)).json()
  expect(keys.slice(0, 2)).toEqual([a, { ...b, expires: '2026-01-01T00:00:00.000Z' }])
  expect(keys).toHaveLength(3)
  await expect(take({ key: 'nameless' })).rejects.toThrow('its keys are none')
})
