import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { npmrc, runNpm } from './npm.ts'
import type { Started } from './process.ts'
import { publish, type Target, tarball } from './seed.ts'

const PACKAGES = 40
/** Then others follow: memory grows with the documents that are asked for, and theirs would grow with each publish. */
const VERSIONS = 25
const MINUTE = 60_000

/**
 * Real npm installs, publishes and searches beside each other for so long; prints the memory of each minute, which should not grow. What is
 * published goes round packages that were installed before, until they have their versions and the next ones take their place.
 */
export async function soak(
  server: Started,
  { token, folder, minutes }: { token: string; folder: string; minutes: number },
): Promise<void> {
  const target = { url: server.url, token }
  const counts = { installs: 0, publishes: 0, searches: 0 }
  const publishNext = async () => {
    await release(target, counts.publishes)
    counts.publishes += 1
  }
  while (counts.publishes < PACKAGES) await publishNext()
  const end = performance.now() + minutes * MINUTE
  const until = async (work: () => Promise<void>) => {
    while (performance.now() < end) await work()
  }
  await Promise.all([
    until(async () => {
      await install(server.url, folder, counts.publishes)
      counts.installs += 1
    }),
    until(publishNext),
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

/** Installs the packages that were published last. */
async function install(registry: string, folder: string, published: number): Promise<void> {
  const home = mkdtempSync(join(folder, 'soak-'))
  try {
    writeFileSync(join(home, '.npmrc'), npmrc(registry, home))
    const last = Array.from({ length: PACKAGES }, (_, n) => nameOf(published - 1 - n))
    const dependencies = Object.fromEntries(last.map((name) => [name, '*']))
    writeFileSync(
      join(home, 'package.json'),
      JSON.stringify({ name: 'bench', version: '1.0.0', dependencies }),
    )
    await runNpm(home, 'install')
  } finally {
    rmSync(home, { recursive: true })
  }
}

/** The package that the nth publish goes to. */
const nameOf = (n: number) => `bench-soak-${Math.floor(n / (PACKAGES * VERSIONS))}-${n % PACKAGES}`
const versionOf = (n: number) => `1.${Math.floor(n / PACKAGES) % VERSIONS}.0`

async function release(target: Target, n: number): Promise<void> {
  const [name, version] = [nameOf(n), versionOf(n)]
  const more = { dependencies: {}, devDependencies: {} }
  await publish(target, name, { version, bytes: await tarball(name, version, 20_000), more })
}
