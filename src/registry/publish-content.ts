import semver from 'semver'
import ssri from 'ssri'
import type { Digest, Fingerprint } from '../base/digest.ts'
import { Fault, fail } from '../base/fault.ts'
import { npmNameOf } from '../base/name.ts'
import type { ContentStore } from './content.ts'
import type { Context } from './context.ts'
import type { Content, FileTree, Json, JsonObject, Manifest, PublishRequest } from './model.ts'
import { checkCollisions } from './paths.ts'

/** A version's content in both of its shapes, checked, with the manifest as it will be shown. */
export type Made = {
  readonly tarball: Fingerprint
  readonly files: FileTree
  readonly unpackedSize: number
  readonly manifest: Manifest
  readonly readme: Digest | undefined
  readonly readmeHtml: Digest | undefined
}

const README = /^readme(?:\.(?:md|markdown|mkd))?$/i
const MAX_README = 1024 * 1024

/** Makes the missing shape of a publish: files of a tarball, or a tarball of files. */
export async function makeContent(
  context: Context,
  store: ContentStore,
  request: PublishRequest,
): Promise<Made> {
  const { content } = request
  const shapes =
    content.kind === 'tarball'
      ? await fromTarball(store, request, content)
      : await fromFiles(context, store, request)
  const readme = await readmeOf(context, shapes.files, request.readme)
  return { ...shapes, ...readme }
}

/**
 * As makeContent, of a tarball that another registry promised to its clients already: it stays as it is, and what is odd in it is passed
 * over. INVALID_TARBALL, TOO_LARGE.
 */
export async function takeContent(
  context: Context,
  store: ContentStore,
  given: { manifest: Manifest; print: Fingerprint; readme: string | undefined },
): Promise<Made> {
  const { files, unpackedSize, packageJson } = await store.unpack(given.print.digest, 'skip')
  const manifest = withFacts(given.manifest, files, packageJson?.scripts)
  const readme = await readmeOf(context, files, given.readme)
  return { tarball: given.print, files, unpackedSize, manifest, ...readme }
}

type Shapes = Omit<Made, 'readme' | 'readmeHtml'>

async function fromTarball(
  store: ContentStore,
  request: PublishRequest,
  content: Extract<Content, { kind: 'tarball' }>,
): Promise<Shapes> {
  checkPromise(content)
  const { files, unpackedSize, packageJson } = await store.unpack(content.print.digest, 'refuse')
  checkIdentity(request, packageJson)
  const manifest = withFacts(request.manifest, files, packageJson?.scripts)
  return { tarball: content.print, files, unpackedSize, manifest }
}

async function fromFiles(context: Context, store: ContentStore, request: PublishRequest): Promise<Shapes> {
  if (request.content.kind !== 'files') throw new TypeError('fromFiles takes files')
  const { files } = request.content
  if (files.length > context.limits.files)
    throw new Fault('BAD_REQUEST', { why: 'Exceeded maximum number of files in a version.' })
  checkCollisions(files.map((file) => file.path))
  const own = await ownPackageJson(context, files)
  // What the request says wins: it was checked, and it is what the packument promises.
  const declared = { ...own, ...request.manifest }
  const manifest = withFacts(declared, files, declared.scripts)
  const tarball = await store.pack(files, `${JSON.stringify(manifest, undefined, 2)}\n`)
  const unpackedSize = files.reduce((sum, file) => sum + file.size, 0)
  return { tarball, files, unpackedSize, manifest }
}

/** A package.json among the files may say more than the request did (bin, main, scripts…). */
async function ownPackageJson(context: Context, files: FileTree): Promise<JsonObject> {
  const file = files.find(({ path }) => path === 'package.json')
  if (!file || file.size > MAX_README) return {}
  try {
    const value: unknown = JSON.parse((await context.storage.blobs.read(file.digest)).toString())
    // Checked to be an object; its members stay unknown JSON.
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
  } catch {
    return {}
  }
}

/** The client's promise about the tarball: any of sha512…sha1, and the bare sha1. INTEGRITY_MISMATCH. */
function checkPromise({ print, expect }: Extract<Content, { kind: 'tarball' }>): void {
  if (expect.sha1 !== undefined && expect.sha1.toLowerCase() !== print.sha1)
    throw new Fault('INTEGRITY_MISMATCH', { expected: `sha1 ${expect.sha1}`, actual: `sha1 ${print.sha1}` })
  if (expect.integrity === undefined) return
  const sha1 = `sha1-${Buffer.from(print.sha1, 'hex').toString('base64')}`
  const promised = ssri.parse(expect.integrity)
  const algorithm = promised?.sha512 ? 'sha512' : promised?.sha1 ? 'sha1' : undefined
  if (!promised || algorithm === undefined)
    throw new Fault('BAD_REQUEST', {
      why: `dist.integrity must hold a sha512 or sha1, not "${expect.integrity}"`,
    })
  const actual = algorithm === 'sha512' ? print.digest : sha1
  if (!ssri.parse(actual)?.match(promised))
    throw new Fault('INTEGRITY_MISMATCH', { expected: expect.integrity, actual })
}

/** What the packument says and what the tarball holds must be one package ("manifest confusion" is refused). */
function checkIdentity(request: PublishRequest, packageJson: JsonObject | undefined): void {
  if (!packageJson) fail('INVALID_TARBALL', { why: 'it holds no package.json that is a JSON object' })
  const name = npmNameOf(request.name)
  if (packageJson.name !== name)
    fail('INVALID_TARBALL', { why: `its package.json names "${String(packageJson.name)}", not "${name}"` })
  const { version } = packageJson
  if (typeof version !== 'string' || semver.clean(version, true) !== request.version)
    fail('INVALID_TARBALL', {
      why: `its package.json says version "${String(version)}", not "${request.version}"`,
    })
}

/** What installers want to know beforehand is told from the files and the package.json among them, never believed. */
function withFacts(manifest: Manifest, files: FileTree, scripts: Json | undefined): Manifest {
  const { hasInstallScript: _claimed, _hasShrinkwrap: _said, ...rest } = manifest
  const named = typeof scripts === 'object' && scripts !== null && !Array.isArray(scripts) ? scripts : {}
  const runs = ['preinstall', 'install', 'postinstall'].some((name) => typeof named[name] === 'string')
  const paths = new Set(files.map(({ path }) => path))
  return {
    ...rest,
    name: manifest.name,
    version: manifest.version,
    ...(runs || paths.has('binding.gyp') ? { hasInstallScript: true } : {}),
    _hasShrinkwrap: paths.has('npm-shrinkwrap.json'),
  }
}

async function readmeOf(
  context: Context,
  files: FileTree,
  text: string | undefined,
): Promise<Pick<Made, 'readme' | 'readmeHtml'>> {
  const { blobs } = context.storage
  const file = files.find(({ path, size }) => README.test(path) && size > 0 && size <= MAX_README)
  const readme =
    file?.digest ?? (text && text.length <= MAX_README ? (await blobs.ingestText(text)).digest : undefined)
  if (readme === undefined) return { readme: undefined, readmeHtml: undefined }
  const { renderMarkdown } = await import('./markdown.ts') // only publishing needs the renderer
  const html = renderMarkdown((await blobs.read(readme)).toString())
  return { readme, readmeHtml: (await blobs.ingestText(html)).digest }
}
