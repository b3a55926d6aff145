import { createHash, randomFillSync } from 'node:crypto'
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { appendFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { npmrc, runNpm } from './npm.ts'
import type { Started } from './process.ts'

const MEGABYTES = 500
const NAME = 'bench-huge'

/** A real npm publishes and installs a package of 500 MB; prints what the registry's memory came to, and throws unless the bytes came back. */
export async function huge(
  server: Started,
  { token, folder }: { token: string; folder: string },
): Promise<void> {
  const home = mkdtempSync(join(folder, 'huge-'))
  try {
    writeFileSync(join(home, '.npmrc'), npmrc(server.url, home, token))
    const source = join(home, 'source')
    await mkdir(source)
    writeFileSync(join(source, 'package.json'), JSON.stringify({ name: NAME, version: '1.0.0' }))
    // npm builds the whole document in memory, as base64 in one text; what does not compress is the worst case.
    for (let n = 0; n < MEGABYTES / 10; n++)
      await appendFile(join(source, 'data.bin'), randomFillSync(Buffer.alloc(1e7)))
    const before = server.memory() ?? Number.NaN
    server.peakMemory()
    await runNpm(home, 'publish', './source')
    const published = server.peakMemory() ?? Number.NaN
    writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'bench', version: '1.0.0' }))
    await runNpm(home, 'install', NAME)
    const installed = server.peakMemory() ?? Number.NaN
    const [sent, came] = [
      await digestOf(join(source, 'data.bin')),
      await digestOf(join(home, 'node_modules', NAME, 'data.bin')),
    ]
    if (sent !== came) throw new Error('another package came back')
    const more = (peak: number) => `${Math.round(peak - before)} MiB more than before at most`
    console.log(
      `${MEGABYTES} MB published by npm: ${more(published)}; installed: ${more(installed)}, the same bytes`,
    )
  } finally {
    rmSync(home, { recursive: true })
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha512')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}
