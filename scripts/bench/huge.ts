import { createHash, randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import tar from 'tar-stream'
import { npmrc, runNpm } from './npm.ts'
import type { Started } from './process.ts'

const BYTES = 500_000_000
const PIECE = 10_000_000
const NAME = 'bench-huge'
/** A multiple of three, so that its base64 goes on without padding. */
const TRIPLETS = 3 * 2 ** 18

/**
 * A package of 500 MB is published, and installed by a real npm; prints what the registry's memory came to, and throws unless the bytes came back. npm
 * itself publishes no more than some 400 MB, since it makes one text of it all: the document is therefore sent as it would, piece by piece.
 */
export async function huge(
  server: Started,
  { token, folder }: { token: string; folder: string },
): Promise<void> {
  const home = mkdtempSync(join(folder, 'huge-'))
  try {
    const path = join(home, 'huge.tgz')
    const content = await makeTarball(path)
    const before = server.memory() ?? Number.NaN
    server.peakMemory()
    await publishFile(path, { url: server.url, token })
    const published = server.peakMemory() ?? Number.NaN
    writeFileSync(join(home, '.npmrc'), npmrc(server.url, home))
    writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'bench', version: '1.0.0' }))
    await runNpm(home, 'install', NAME)
    const installed = server.peakMemory() ?? Number.NaN
    const came = (await hashesOf(join(home, 'node_modules', NAME, 'data.bin'))).sha512
    if (came !== content) throw new Error('another package came back')
    const more = (peak: number) => `${Math.round(peak - before)} MiB more than before at most`
    console.log(
      `${BYTES / 1e6} MB published: ${more(published)}; installed by npm: ${more(installed)}, the same bytes`,
    )
  } finally {
    rmSync(home, { recursive: true })
  }
}

/** Resolves to the sha512 of the large file in it, which does not compress. */
async function makeTarball(path: string): Promise<string> {
  const hash = createHash('sha512')
  const pack = tar.pack()
  pack.entry({ name: 'package/package.json' }, JSON.stringify({ name: NAME, version: '1.0.0' }))
  const entry = pack.entry({ name: 'package/data.bin', size: BYTES })
  const fill = async () => {
    for (let at = 0; at < BYTES; at += PIECE) {
      const piece = randomFillSync(Buffer.alloc(PIECE))
      hash.update(piece)
      if (!entry.write(piece)) await once(entry, 'drain')
    }
    entry.end(undefined)
    pack.finalize()
  }
  await Promise.all([fill(), pipeline(pack, createGzip({ level: 1 }), createWriteStream(path))])
  return hash.digest('base64')
}

async function publishFile(path: string, { url, token }: { url: string; token: string }): Promise<void> {
  const { sha512, sha1, length } = await hashesOf(path)
  const dist = { integrity: `sha512-${sha512}`, shasum: sha1 }
  const head = JSON.stringify({
    _id: NAME,
    name: NAME,
    'dist-tags': { latest: '1.0.0' },
    versions: { '1.0.0': { name: NAME, version: '1.0.0', dist } },
    _attachments: { [`${NAME}-1.0.0.tgz`]: { length, data: '' } },
  })
  async function* document() {
    yield head.slice(0, -4)
    for await (const piece of createReadStream(path, { highWaterMark: TRIPLETS }))
      yield piece.toString('base64')
    yield head.slice(-4)
  }
  const sending = request(`${url}/${NAME}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
  })
  const [[response]] = await Promise.all([
    once(sending, 'response'),
    pipeline(Readable.from(document()), sending),
  ])
  const text = Buffer.concat(await Array.fromAsync<Buffer>(response)).toString()
  if (response.statusCode !== 201) throw new Error(`publishing ${NAME}: ${response.statusCode} ${text}`)
}

async function hashesOf(path: string): Promise<{ sha512: string; sha1: string; length: number }> {
  const [sha512, sha1] = [createHash('sha512'), createHash('sha1')]
  let length = 0
  for await (const chunk of createReadStream(path)) {
    sha512.update(chunk)
    sha1.update(chunk)
    length += chunk.length
  }
  return { sha512: sha512.digest('base64'), sha1: sha1.digest('hex'), length }
}
