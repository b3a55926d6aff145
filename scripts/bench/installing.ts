import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { median } from './compare.ts'
import { npmrc, runNpm } from './npm.ts'
import { type Command, type Started, startServer } from './process.ts'
import { startNginxOver } from './rivals.ts'
import { tarball } from './seed.ts'

const PACKAGES = 440
const SIZE = 20_000

type Trip = { readonly install: number; readonly ci: number }

/**
 * A real npm installs 440 packages, its cache empty each time: first without a lock file through a mirror that has nothing yet, then by
 * `npm ci` through the same, warm; and both straight from nginx, the mirror's upstream. In turns; prints the ratios.
 */
export async function installing({
  serve,
  folder,
  runs,
}: {
  serve: (data: string, upstream: string) => Command
  folder: string
  runs: number
}): Promise<void> {
  const root = mkdtempSync(join(folder, 'upstream-'))
  const upstream = await startNginxOver(root)
  try {
    for (const name of names()) await layOut(join(root, name), { name, registry: upstream.url })
    const [ours, straight]: [Trip[], Trip[]] = [[], []]
    for (let run = 0; run < runs; run++) {
      ours.push(await throughMirror(serve, upstream, folder))
      straight.push(await trip(upstream.url, folder))
    }
    console.log(line('first install, cold mirror', ours, straight, ({ install }) => install))
    console.log(line('npm ci, warm', ours, straight, ({ ci }) => ci))
  } finally {
    await upstream.stop()
  }
}

async function throughMirror(
  serve: (data: string, upstream: string) => Command,
  upstream: Started,
  folder: string,
): Promise<Trip> {
  const data = mkdtempSync(join(folder, 'mirror-'))
  const mirror = await startServer(serve(data, upstream.url))
  try {
    return await trip(mirror.url, folder)
  } finally {
    await mirror.stop()
    rmSync(data, { recursive: true })
  }
}

/** Seconds that npm takes in an empty project with an empty cache, without a lock file and then with it. */
async function trip(registry: string, folder: string): Promise<Trip> {
  const home = mkdtempSync(join(folder, 'project-'))
  try {
    writeFileSync(join(home, '.npmrc'), npmrc(registry, home))
    const dependencies = Object.fromEntries(names().map((name) => [name, '1.0.0']))
    writeFileSync(
      join(home, 'package.json'),
      JSON.stringify({ name: 'bench', version: '1.0.0', dependencies }),
    )
    const install = await timed(home, 'install')
    for (const name of ['cache', 'node_modules']) rmSync(join(home, name), { recursive: true })
    return { install, ci: await timed(home, 'ci') }
  } finally {
    rmSync(home, { recursive: true })
  }
}

async function timed(home: string, command: string): Promise<number> {
  execFileSync('sync') // what the last run wrote is not this one's to wait for
  const begin = performance.now()
  await runNpm(home, command)
  return (performance.now() - begin) / 1000
}

function line(
  name: string,
  ours: readonly Trip[],
  straight: readonly Trip[],
  of: (trip: Trip) => number,
): string {
  const ratio = median(ours.map((trip, run) => of(trip) / of(straight[run] ?? trip)))
  const [own, theirs] = [median(ours.map(of)), median(straight.map(of))]
  return `${name}: ${PACKAGES} packages in ${own.toFixed(2)} s, straight from nginx ${theirs.toFixed(2)} s (ratio ${ratio.toFixed(2)})`
}

const names = () => Array.from({ length: PACKAGES }, (_, n) => `bench-part-${n}`)

/** A package as the files of a registry: its document and its tarball. */
async function layOut(place: string, { name, registry }: { name: string; registry: string }): Promise<void> {
  const bytes = await tarball(name, '1.0.0', SIZE)
  const file = `-/${name}-1.0.0.tgz`
  mkdirSync(join(place, '-'), { recursive: true })
  writeFileSync(join(place, file), bytes)
  const hash = (algorithm: string) => createHash(algorithm).update(bytes)
  const dist = {
    integrity: `sha512-${hash('sha512').digest('base64')}`,
    shasum: hash('sha1').digest('hex'),
    tarball: `${registry}/${name}/${file}`,
  }
  const at = '2026-01-01T00:00:00.000Z'
  const document = {
    _id: name,
    name,
    'dist-tags': { latest: '1.0.0' },
    versions: { '1.0.0': { name, version: '1.0.0', _id: `${name}@1.0.0`, license: 'MIT', dist } },
    time: { created: at, modified: at, '1.0.0': at },
  }
  writeFileSync(join(place, 'index.json'), JSON.stringify(document))
}
