import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { bundle } from './appliance/bundle.ts'
import { type Contents, makeExecutable } from './appliance/executable.ts'
import { inventoryOf } from './appliance/inventory.ts'
import { makeNpmPackage } from './appliance/npm-package.ts'
import { dist, fileName } from './appliance/paths.ts'
import { releaseNotes } from './appliance/release-notes.ts'
import { host, type Target, targets } from './appliance/targets.ts'

const help = `npm run build -- [--target NAME]… [--all] [--twice]

Makes dist/entropic-<version>-<target>, one file that needs no Node. Targets: ${targets.map(({ name }) => name).join(', ')};
the default is this machine's. --twice makes each a second time and compares them byte by byte.`

const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true, default: [host] },
    all: { type: 'boolean', default: false },
    twice: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) console.log(help)
else await buildAll(values.all ? targets : values.target.map(targetNamed))

function targetNamed(name: string): Target {
  const target = targets.find((it) => it.name === name)
  if (target) return target
  throw new Error(`There is no target "${name}"; there are ${targets.map((it) => it.name).join(', ')}.`)
}

async function buildAll(wanted: readonly Target[]): Promise<void> {
  for (const target of wanted) {
    const file = join(dist, fileName(target.name))
    const inside = await contents(target)
    await makeExecutable(target, inside, file)
    await writeFile(`${file}.cdx.json`, inside.made['sbom.cdx.json'] ?? '')
    if (values.twice) await compareWithSecond(target, file)
    const { size } = await stat(file)
    console.log(`${fileName(target.name)}  ${(size / 1e6).toFixed(1)} MB  Node ${target.node.version}`)
  }
  const tarball = await makeNpmPackage(join(dist, 'npm'), dist)
  console.log(basename(tarball))
  await writeFile(join(dist, 'RELEASE.md'), await releaseNotes(dist))
  await writeChecksums()
}

async function contents(target: Target): Promise<Contents> {
  const { code, inputs } = await bundle()
  const { sbom, licences } = await inventoryOf(inputs, target)
  return { code, made: { 'sbom.cdx.json': sbom, 'licences.txt': licences } }
}

async function compareWithSecond(target: Target, file: string): Promise<void> {
  const second = join(dist, `second-${target.name}`)
  await makeExecutable(target, await contents(target), second)
  if ((await sha256(file)) !== (await sha256(second)))
    throw new Error(`Two builds differ: ${file} and ${second}`)
  await rm(second)
  console.log(`${target.name}: two builds are the same`)
}

async function writeChecksums(): Promise<void> {
  const names = (await readdir(dist)).filter((name) => name.startsWith('entropic-')).sort()
  const lines = await Promise.all(names.map(async (name) => `${await sha256(join(dist, name))}  ${name}\n`))
  await writeFile(join(dist, 'SHA256SUMS'), lines.join(''))
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}
