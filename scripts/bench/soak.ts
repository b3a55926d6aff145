import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { npmrc, runNpm } from './npm.ts'
import type { Started } from './process.ts'
import { publish, type Target, tarball } from './seed.ts'

const PACKAGES = 40
const MINUTE = 60_000

/** Real npm installs, publishes and searches beside each other for so long; prints the memory of each minute, which should not grow. */
export async function soak(
  server: Started,
  { token, folder, minutes }: { token: string; folder: string; minutes: number },
): Promise<void> {
  const target = { url: server.url, token }
  for (let n = 0; n < PACKAGES; n++) await release(target, n, 0)
  const end = performance.now() + minutes * MINUTE
  const counts = { installs: 0, publishes: 0, searches: 0 }
  const until = async (work: () => Promise<void>) => {
    while (performance.now() < end) await work()
  }
  await Promise.all([
    until(async () => {
      await install(server.url, folder)
      counts.installs += 1
    }),
    until(async () => {
      counts.publishes += 1
      await release(target, counts.publishes % PACKAGES, counts.publishes)
    }),
    until(async () => {
      await (
        await fetch(`${server.url}/-/v1/search?text=synthetic&from=${counts.searches % PACKAGES}`)
      ).arrayBuffer()
      counts.searches += 1
      await setTimeout(20)
    }),
    watch(server, minutes),
  ])
  console.log(`soak: ${counts.installs} installs, ${counts.publishes} publishes, ${counts.searches} searches`)
}

async function watch(server: Started, minutes: number): Promise<void> {
  for (let minute = 1; minute <= minutes; minute++) {
    server.peakMemory()
    await setTimeout(MINUTE)
    const [now, peak] = [server.memory() ?? Number.NaN, server.peakMemory() ?? Number.NaN]
    console.log(`soak, minute ${minute}: ${Math.round(now)} MiB, ${Math.round(peak)} at most`)
  }
}

async function install(registry: string, folder: string): Promise<void> {
  const home = mkdtempSync(join(folder, 'soak-'))
  try {
    writeFileSync(join(home, '.npmrc'), npmrc(registry, home))
    const dependencies = Object.fromEntries(Array.from({ length: PACKAGES }, (_, n) => [nameOf(n), '*']))
    writeFileSync(
      join(home, 'package.json'),
      JSON.stringify({ name: 'bench', version: '1.0.0', dependencies }),
    )
    await runNpm(home, 'install')
  } finally {
    rmSync(home, { recursive: true })
  }
}

const nameOf = (n: number) => `bench-soak-${n}`

async function release(target: Target, n: number, version: number): Promise<void> {
  const [name, number] = [nameOf(n), `1.${version}.0`]
  const more = { dependencies: {}, devDependencies: {} }
  await publish(target, name, { version: number, bytes: await tarball(name, number, 20_000), more })
}
