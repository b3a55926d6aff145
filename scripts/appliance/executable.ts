import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { nodeBinary } from './node-binary.ts'
import { cache, root } from './paths.ts'
import { host, type Target } from './targets.ts'

const run = promisify(execFile)

/** Where Node looks for what is inside it; the fuse is the same in every version. */
const SECTION = 'NODE_SEA_BLOB'
/** As `npm start` has them: V8's young generation would take tens of megabytes more, and nothing gets faster. */
const FLAGS = ['--max-semi-space-size=8']
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'
const MACHO = ['--macho-segment-name', 'NODE_SEA'] // other formats have no segments and ignore it
/** Its command line, since its library prints warnings about every stripped symbol. */
const POSTJECT = join(root, 'node_modules/postject/dist/cli.js')

/** Folders whose files go in; those that are not there yet are left out. */
export const BUNDLED_FOLDERS = ['migrations', 'src/server/web/static']

export type Contents = {
  readonly code: Uint8Array
  /** Files made by the build that go in as well, by their names inside. */
  readonly made: Readonly<Record<string, string>>
}

/** Writes the executable of `target` to `file`. The same contents give the same bytes. */
export async function makeExecutable(target: Target, contents: Contents, file: string): Promise<void> {
  const folder = join(cache, target.name)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const assets = await layOut(target, contents, folder)
  const blob = await makeBlob(target, assets, folder)
  const aside = join(folder, 'executable')
  await copyFile(await nodeBinary(target.node), aside)
  await chmod(aside, 0o755)
  // Symbols are an eighth of the file. After injecting it would be too late; a foreign file is beyond the machine's own strip.
  if (target.name === host && host.startsWith('linux')) await run('strip', ['-s', aside])
  await run(process.execPath, [POSTJECT, aside, SECTION, blob, '--sentinel-fuse', FUSE, ...MACHO])
  await mkdir(dirname(file), { recursive: true })
  await rename(aside, file)
}

/** Puts the files that go inside into `folder`; resolves with their paths relative to it, by their names inside. */
async function layOut(
  target: Target,
  { code, made }: Contents,
  folder: string,
): Promise<Record<string, string>> {
  const addon = await readFile(join(root, `node_modules/better-sqlite3/prebuilds/${target.addon}.node`))
  const files: Record<string, Buffer | string> = {
    'better-sqlite3.node': addon,
    'better-sqlite3.sha256': createHash('sha256').update(addon).digest('hex'),
    ...made,
  }
  for (const bundled of BUNDLED_FOLDERS.filter((it) => existsSync(join(root, it)))) {
    for (const name of (await readdir(join(root, bundled))).sort())
      files[`${bundled}/${name}`] = await readFile(join(root, bundled, name))
  }
  files['index.json'] = JSON.stringify(Object.keys(files))
  await writeFile(join(folder, 'entropic.cjs'), code)
  const paths: Record<string, string> = {}
  for (const [at, [name, bytes]] of Object.entries(files).entries()) {
    paths[name] = `asset-${at}`
    await writeFile(join(folder, `asset-${at}`), bytes)
  }
  return paths
}

/** Resolves with the path of what is to be injected. */
async function makeBlob(target: Target, assets: Record<string, string>, folder: string): Promise<string> {
  const settings = {
    // Relative: the path goes into the file, and must not tell where it was built.
    main: 'entropic.cjs',
    output: 'blob',
    disableExperimentalSEAWarning: true,
    execArgv: FLAGS,
    // Compiled code fits only the very binary that compiled it.
    useCodeCache: target.name === host,
    assets,
  }
  await writeFile(join(folder, 'sea.json'), JSON.stringify(settings))
  const node = await nodeBinary(target.preparedBy)
  // Predictable: two builds compile to the same bytes. Node's start accepts that; it refuses code compiled with a fixed hash seed.
  await run(node, ['--predictable', ...FLAGS, '--experimental-sea-config', 'sea.json'], { cwd: folder })
  return join(folder, 'blob')
}
