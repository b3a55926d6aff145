import type { IncomingMessage } from 'node:http'
import type { Fingerprint } from '../../base/digest.ts'
import { Fault, fail, isFault } from '../../base/fault.ts'
import { npmNameOf, type PackageName, specOf } from '../../base/name.ts'
import {
  type Caller,
  DEPENDENCY_FIELDS,
  type Json,
  type JsonObject,
  type Manifest,
  type PublishRequest,
} from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'
import { decodedBody, objectOf, textOf } from '../http/body.ts'
import { accessIn } from './access.ts'
import { revisionOf } from './packument.ts'
import { type PublishBody, readPublishBody } from './publish-body.ts'

/** Everything of a publish document but its tarball: manifest and README. npm's largest are below a megabyte. */
const MAX_DOCUMENT = 16 * 1024 * 1024
/** What clients put into a version that is ours to say. */
const OURS = new Set([
  ...[
    'dist',
    'deprecated',
    'readme',
    'readmeFilename',
    '_npmUser',
    'maintainers',
    '_hasShrinkwrap',
    'hasInstallScript',
  ],
  // Bun's additions
  ...['_integrity', 'integrity', 'shasum'],
  ...['__proto__', '_attachments', '_rev'],
])
/** A document, and where it is put. */
type Target = { readonly caller: Caller; readonly name: PackageName; readonly document: JsonObject }

/** npm's own sentence for "the package has no README". */
const NO_README = 'ERROR: No README data found!'

/**
 * PUT /name carries five meanings, told apart by the body's shape (npm-registry-client's habits since CouchDB). Only what the meaning
 * allows is taken from the document; nothing a stale client sends can rewrite history.
 */
export async function putPackage(
  registry: Registry,
  request: IncomingMessage,
  { caller, name, rev }: { caller: Caller; name: PackageName; rev: string | undefined },
): Promise<void> {
  // Before any byte is taken: somebody without the right must not fill the disk.
  await registry.packages.mayPublish(caller, name, { missing: 'create' })
  const { document, tarballs } = await readDocument(registry, request, caller)
  const attachments = objectOf(document._attachments)
  if (attachments && Object.keys(attachments).length > 0)
    return void (await registry.versions.publish(caller, publishRequest(name, document, tarballs)))
  if (!objectOf(document.versions)) return edit(registry, { caller, name, document, rev })
  if (rev === undefined) return deprecate(registry, { caller, name, document })
  return removeMissing(registry, { caller, name, document, rev })
}

/** The same document where it can only be a publish, as for `npm stage publish`. */
export async function readPublish(
  registry: Registry,
  request: IncomingMessage,
  { caller, name }: { caller: Caller; name: PackageName },
): Promise<PublishRequest> {
  const { document, tarballs } = await readDocument(registry, request, caller)
  return publishRequest(name, document, tarballs)
}

function readDocument(registry: Registry, request: IncomingMessage, caller: Caller): Promise<PublishBody> {
  const limits = { tarball: registry.limits.tarball, document: MAX_DOCUMENT }
  return readPublishBody(decodedBody(request), limits, () => registry.spool(caller))
}

function publishRequest(
  name: PackageName,
  document: JsonObject,
  tarballs: ReadonlyMap<string, Fingerprint>,
): PublishRequest {
  const npmName = npmNameOf(name)
  const [entry, ...more] = Object.entries(objectOf(document.versions) ?? {})
  const version = objectOf(entry?.[1])
  if (!entry || !version || more.length > 0) return bad('a publish names exactly one version')
  const [tarball, ...others] = tarballs.values()
  if (!tarball || others.length > 0) return bad('a publish attaches exactly one .tgz')
  checkNames(npmName, document, version)
  if (version.version !== entry[0])
    return bad(`versions["${entry[0]}"] says version "${String(version.version)}"`)
  checkLength(document, tarball)
  const dist = objectOf(version.dist) ?? {}
  const integrity = textOf(dist.integrity)
  const sha1 = textOf(dist.shasum)
  const access = accessIn(document)
  const provenance = provenanceIn(document)
  const readme = textOf(version.readme) ?? textOf(document.readme)
  return {
    missing: 'create',
    name,
    version: entry[0],
    manifest: manifestOf(version, npmName),
    tags: tagsIn(document, entry[0]),
    readme: readme === NO_README ? undefined : readme,
    ...(access && { access }),
    ...(provenance !== undefined && { provenance }),
    content: {
      kind: 'tarball',
      print: tarball,
      expect: { ...(integrity === undefined ? {} : { integrity }), ...(sha1 === undefined ? {} : { sha1 }) },
    },
  }
}

/** The text of the `.sigstore` attachment, which is no base64. */
function provenanceIn(document: JsonObject): string | undefined {
  const attachments = Object.entries(objectOf(document._attachments) ?? {})
  const bundle = attachments.find(([name]) => name.endsWith('.sigstore'))?.[1]
  return textOf(objectOf(bundle)?.data)
}

function checkNames(npmName: string, document: JsonObject, version: JsonObject): void {
  for (const said of [document._id ?? npmName, document.name ?? npmName, version.name])
    if (said !== npmName) bad(`the path names "${npmName}", the body "${String(said)}"`)
}

function checkLength(document: JsonObject, tarball: Fingerprint): void {
  for (const attachment of Object.values(objectOf(document._attachments) ?? {})) {
    const { data, length } = objectOf(attachment) ?? {}
    if (data === '' && typeof length === 'number' && length !== tarball.size)
      bad(`the tarball was said to have ${length} bytes, ${tarball.size} arrived`)
  }
}

/** The tags to put on the version. BAD_REQUEST for one that names another: a publish changes nothing about versions there are. */
function tagsIn(document: JsonObject, version: string): string[] {
  const said = document['dist-tags'] ?? {}
  const tags = objectOf(said) ?? bad('"dist-tags" must be an object of tag and version')
  for (const [tag, target] of Object.entries(tags))
    if (target !== version)
      bad(`the dist-tag "${tag}" names ${JSON.stringify(target)}, but "${version}" is what is published`)
  return Object.keys(tags)
}

/** The manifest as it came, without what is the registry's to say, and with dependency maps that npm can read. */
function manifestOf(version: JsonObject, name: string): Manifest {
  const kept = Object.fromEntries(Object.entries(version).filter(([key]) => !OURS.has(key)))
  for (const field of DEPENDENCY_FIELDS) if (kept[field] !== undefined) checkMap(field, kept[field])
  return { ...kept, name, version: String(version.version) }
}

/** Ranges may be anything that npm installs from, addresses and tags too. BAD_REQUEST, INVALID_DEPENDENCY for what breaks every install. */
function checkMap(field: string, value: Json | undefined): void {
  const map = objectOf(value) ?? bad(`"${field}" must be an object of name and range`)
  for (const [name, range] of Object.entries(map)) {
    if (name === '') throw new Fault('INVALID_DEPENDENCY', { field, name, why: 'a dependency needs a name' })
    if (typeof range === 'string') continue
    const why = `its range must be a string, such as "^1.0.0", not ${JSON.stringify(range)}`
    throw new Fault('INVALID_DEPENDENCY', { field, name, why })
  }
}

/**
 * A whole document without attachments: `npm deprecate` and `undeprecate`. Only the messages are taken. What else it asks for is no change that
 * such a document makes: BAD_REQUEST says how it is made.
 */
async function deprecate(registry: Registry, target: Target): Promise<void> {
  const { caller, name, document } = target
  const messages = new Map<string, string>()
  for (const [version, manifest] of Object.entries(objectOf(document.versions) ?? {}))
    messages.set(version, textOf(objectOf(manifest)?.deprecated) ?? '')
  try {
    await mustAskNoMore(registry, target)
    const changed = await registry.versions.deprecate(caller, name, messages)
    if (!changed) await mustKeepOwners(registry, target)
  } catch (error) {
    if (!isFault(error, 'VERSION_NOT_FOUND', 'PACKAGE_NOT_FOUND')) throw error
    // Whoever sends what is not here means to publish it.
    bad(`${error.message}, and no tarball is attached. A publish attaches exactly one .tgz.`)
  }
}

async function mustAskNoMore(registry: Registry, { caller, name, document }: Target): Promise<void> {
  const head = await registry.packages.writable(caller, name, 'edit')
  const { npmName } = head
  const versions = objectOf(document.versions) ?? {}
  if (Object.keys(versions).length === 0)
    bad('the document names no versions to deprecate, and no tarball is attached to publish')
  if ((accessIn(document) ?? head.access) !== head.access)
    bad(`a document without a tarball changes no "access": use npm access set status=… ${npmName}`)
  const stored = (await registry.contents.versions(head)).map(({ version }) => version)
  const known = new Set([...stored, ...Object.keys(versions)]) // unknown ones among the latter are refused as such
  for (const [tag, version] of Object.entries(objectOf(document['dist-tags']) ?? {}))
    if (typeof version !== 'string' || !known.has(version))
      bad(`the dist-tag "${tag}" names a version "${String(version)}" that is not here`)
}

/**
 * That a document which deprecates nothing was not sent to change owners. Asked of no other: the owners in a document may be older than the
 * document's revision, since they come and go with the members of a namespace.
 */
async function mustKeepOwners(registry: Registry, { caller, name, document }: Target): Promise<void> {
  if (!Array.isArray(document.maintainers)) return
  const said = new Set(document.maintainers.map((one) => textOf(objectOf(one)?.name)))
  const owners = new Set((await registry.owners.list(async () => caller, name)).map((one) => one.name))
  if (said.symmetricDifference(owners).size > 0)
    bad('a document with versions changes no owners: use npm owner add or npm owner rm')
}

/** A whole document at its revision with versions left out: `npm unpublish name@version`. */
async function removeMissing(
  registry: Registry,
  { caller, name, document, rev }: { caller: Caller; name: PackageName; document: JsonObject; rev: string },
): Promise<void> {
  const revision = requireRevision(registry, name, rev)
  const head = await registry.packages.writable(caller, name, 'edit')
  const left = objectOf(document.versions) ?? {}
  // Yanked versions are in no document that a client could send back.
  const known = (await registry.contents.versions(head)).filter(({ yankedAt }) => yankedAt === undefined)
  const versions = known.map(({ version }) => version).filter((version) => !Object.hasOwn(left, version))
  if (versions.length === known.length) return registry.packages.remove(caller, name, revision)
  await registry.versions.unpublish(caller, name, { versions, revision })
}

/** STALE_REVISION for what is no revision of ours. */
export function requireRevision(registry: Registry, name: PackageName, rev: string): number {
  return revisionOf(rev) ?? fail('STALE_REVISION', { spec: specOf(name, registry.host()) })
}

/**
 * A document without versions: `npm owner`. Yarn classic knows no revision and sends nobody but the new owner, which would throw the others
 * out: STALE_REVISION.
 */
async function edit(
  registry: Registry,
  target: { caller: Caller; name: PackageName; document: JsonObject; rev: string | undefined },
): Promise<void> {
  const { caller, name, document, rev } = target
  if (!Array.isArray(document.maintainers)) bad('a document needs "versions" or "maintainers"')
  const names = document.maintainers.map(
    (one) => textOf(objectOf(one)?.name) ?? bad('each maintainer needs a "name"'),
  )
  const revision = requireRevision(registry, name, rev ?? '')
  await registry.owners.replace(caller, name, { names, revision })
}

function bad(why: string): never {
  throw new Fault('BAD_REQUEST', { why })
}
