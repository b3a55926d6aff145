import { createHash, randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import tar from 'tar-stream'

export type Target = { readonly url: string; readonly token: string }

/** A tarball of about `size` bytes that does not compress. */
export async function tarball(name: string, version: string, size: number): Promise<Buffer> {
  const pack = tar.pack()
  pack.entry({ name: 'package/package.json' }, JSON.stringify({ name, version }))
  pack.entry({ name: 'package/data.bin' }, randomBytes(size))
  pack.finalize()
  return gzipSync(await buffer(pack as AsyncIterable<Uint8Array>), { level: 1 }) // streamx leaves its chunks untyped
}

type Release = { readonly version: string; readonly bytes: Buffer; readonly more?: object }

/** Publishes one version with a manifest of ordinary bulk; throws unless it was accepted. */
export function publish(target: Target, name: string, release: Release): Promise<void> {
  return put(target, name, publishDocument(name, release))
}

/** What npm sends to publish a version. */
export function publishDocument(name: string, { version, bytes, more }: Release): string {
  const hash = (algorithm: string) => createHash(algorithm).update(bytes)
  const dist = { integrity: `sha512-${hash('sha512').digest('base64')}`, shasum: hash('sha1').digest('hex') }
  return JSON.stringify({
    _id: name,
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { ...manifest(name, version), ...more, dist } },
    _attachments: { [`${name}-${version}.tgz`]: { data: bytes.toString('base64'), length: bytes.length } },
  })
}

/** Sends it; throws unless it was accepted. */
export async function put(target: Target, name: string, document: string): Promise<void> {
  const response = await fetch(`${target.url}/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${target.token}` },
    body: document,
  })
  const text = await response.text()
  if (response.status !== 201) throw new Error(`publishing ${name}: ${response.status} ${text}`)
}

function manifest(name: string, version: string) {
  const dependencies = Object.fromEntries(
    Array.from({ length: 18 }, (_, n) => [`@bench/dependency-${n}`, `^${n}.1.0`]),
  )
  const devDependencies = Object.fromEntries(
    Array.from({ length: 30 }, (_, n) => [`@bench/tool-${n}`, `^${n}.0.0`]),
  )
  const scripts = Object.fromEntries(
    Array.from({ length: 12 }, (_, n) => [`task-${n}`, `node scripts/task-${n}.js`]),
  )
  return {
    name,
    version,
    description: 'a synthetic package',
    main: 'index.js',
    license: 'MIT',
    dependencies,
    devDependencies,
    scripts,
  }
}
