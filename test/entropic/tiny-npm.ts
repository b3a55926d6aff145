import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { packageTarball, sha512 } from '../support/tarball.ts'

type Published = { readonly manifest: object; readonly tarball: Buffer }

/** An npm registry just large enough to mirror from: package → version → further fields of its manifest. */
export async function tinyNpm(
  packages: Readonly<Record<string, Readonly<Record<string, object>>>>,
): Promise<AsyncDisposable & { url: string }> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // listening on TCP
  const documents = new Map<string, string>()
  const tarballs = new Map<string, Buffer>()
  for (const [name, versions] of Object.entries(packages)) {
    const made = await Promise.all(
      Object.entries(versions).map(async ([version, more]) => {
        const path = `/${name}/-/${version}.tgz`
        const { manifest, tarball } = await published({ name, version, ...more }, url + path)
        tarballs.set(path, tarball)
        return [version, manifest] as const
      }),
    )
    const latest = Object.keys(versions).at(-1)
    documents.set(
      `/${name}`,
      JSON.stringify({ name, 'dist-tags': { latest }, versions: Object.fromEntries(made) }),
    )
  }
  server.on('request', (request, response) => {
    const path = decodeURIComponent(request.url ?? '')
    const found = documents.get(path) ?? tarballs.get(path)
    response.statusCode = found ? 200 : 404
    response.setHeader('content-type', documents.has(path) ? 'application/json' : 'application/octet-stream')
    response.end(found ?? '{"error":"Not found"}')
  })
  return { url, [Symbol.asyncDispose]: () => closed(server) }
}

async function published(manifest: object, url: string): Promise<Published> {
  const tarball = await packageTarball(manifest, {
    'index.js': 'exports.tiny = true\n',
    'README.md': '# Tiny\n',
  })
  return { manifest: { ...manifest, dist: { tarball: url, integrity: sha512(tarball) } }, tarball }
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
