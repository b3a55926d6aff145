import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { nodeBinary } from './node-binary.ts'
import { root, version } from './paths.ts'
import type { Target } from './targets.ts'

/** What is inside an executable: a CycloneDX document, and the texts of all licences. */
export type Inventory = { readonly sbom: string; readonly licences: string }

type Component = {
  readonly type: 'library' | 'platform'
  readonly 'bom-ref': string
  readonly group?: string
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly licenses?: readonly { readonly expression: string }[]
  readonly hashes?: readonly { readonly alg: 'SHA-512'; readonly content: string }[]
  readonly components?: readonly Component[]
}

/** Lists what the bundle of these files and the target's own parts, where it has any, are made of. Nothing in it depends on when or where it is made. */
export async function inventoryOf(inputs: readonly string[], target?: Target): Promise<Inventory> {
  const folders = [...new Set(inputs.map(packageFolder).filter((folder) => folder !== undefined))].sort()
  const lock: Lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'))
  const components = folders.map((folder) => componentOf(folder, lock))
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: { ...generic('entropic', version, 'Apache-2.0'), type: 'application' },
      lifecycles: [{ phase: 'build' }],
    },
    components: [...components, ...(target ? [sqlite(), await platform(target)] : [])],
  }
  const texts = folders.map((folder) => licenceText(folder, join(root, folder)))
  if (target) texts.push(nodeLicence(target))
  return {
    sbom: `${JSON.stringify(document, undefined, 2)}\n`,
    licences: (await Promise.all(texts)).join('\n'),
  }
}

type Lock = {
  readonly packages: Readonly<
    Record<string, { version: string; license?: string; integrity?: string } | undefined>
  >
}

/** `node_modules/a/node_modules/@b/c/lib/x.js` is of `node_modules/a/node_modules/@b/c`; a file of ours of none. */
function packageFolder(path: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]
}

function componentOf(folder: string, lock: Lock): Component {
  const entry = lock.packages[folder]
  if (!entry) throw new Error(`package-lock.json has no ${folder}`)
  const full = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length)
  const [name = '', group] = full.split('/').reverse()
  const purl = `pkg:npm/${group ? `${encodeURIComponent(group)}/` : ''}${name}@${entry.version}`
  return {
    type: 'library',
    'bom-ref': `${folder}@${entry.version}`,
    ...(group && { group }),
    name,
    version: entry.version,
    purl,
    ...(entry.license && { licenses: [{ expression: entry.license }] }),
    ...(entry.integrity && { hashes: [sha512Of(entry.integrity)] }),
  }
}

function sha512Of(integrity: string) {
  return { alg: 'SHA-512', content: Buffer.from(integrity.slice(7), 'base64').toString('hex') } as const
}

function generic(name: string, itsVersion: string, licence?: string): Component {
  const purl = `pkg:generic/${name}@${encodeURIComponent(itsVersion)}`
  const licenses = licence && { licenses: [{ expression: licence }] }
  return { type: 'library', 'bom-ref': purl, name, version: itsVersion, purl, ...licenses }
}

/** The driver brings its own; every prebuilt one is of the same sources. */
function sqlite(): Component {
  const db = new Database(':memory:')
  // The statement says what comes: one column of text.
  const found = db.prepare('select sqlite_version() as version').get() as { version: string }
  db.close()
  return generic('sqlite', found.version, 'blessing')
}

/** Not software, or Node itself. */
const NO_PARTS = new Set(['node', 'modules', 'napi', 'cldr', 'tz', 'unicode'])

async function platform({ node, preparedBy }: Target): Promise<Component> {
  const { stdout } = await promisify(execFile)(await nodeBinary(preparedBy), [
    '-p',
    'JSON.stringify(process.versions)',
  ])
  const parts = Object.entries<string>(JSON.parse(stdout)).filter(([name]) => !NO_PARTS.has(name))
  return {
    ...generic('node', node.version, 'MIT'),
    type: 'platform',
    hashes: [sha512Of(node.integrity)],
    components: parts.map(([name, partVersion]) => generic(name, partVersion)),
  }
}

async function nodeLicence({ node }: Target): Promise<string> {
  return licenceText(`Node.js ${node.version}`, dirname(dirname(await nodeBinary(node))))
}

async function licenceText(title: string, folder: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => /^(licen[cs]e|notice|copying)/i.test(name)).sort()
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  const stated =
    texts.length > 0 ? texts.join('\n') : 'The package states its licence in its manifest alone.\n'
  return `${'='.repeat(80)}\n${title.replace(/^.*node_modules\//, '')}\n${'='.repeat(80)}\n${stated}`
}
