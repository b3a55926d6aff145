import type { NpmUser, PublishDocument } from '../support/npm-user.ts'
import { sha512 } from '../support/tarball.ts'
import type { Ledger } from './publishers.ts'

/** What is wrong, as sentences; all empty where the registry kept its word. */
export type Verdict = {
  readonly versions: number
  readonly lost: string[]
  readonly duplicated: string[]
  readonly wrongTags: string[]
  /** Visible, but not whole. */
  readonly broken: string[]
  /** Where the two APIs or the feed disagree with each other. */
  readonly disagreements: string[]
}

/** Reads back everything there is, by npm and by the Entropic API, and compares it with what publishers were told. */
export async function check(user: NpmUser, ledger: Ledger): Promise<Verdict> {
  const verdict = {
    versions: 0,
    lost: [],
    duplicated: [...ledger.twice],
    wrongTags: [],
    broken: [],
    disagreements: [],
  }
  const feed = await publishesInFeed(user)
  for (const [name, told] of ledger.acknowledged)
    await checkPackage(user, { name, told, ledger, feed, verdict })
  return verdict
}

type Task = {
  readonly name: string
  readonly told: ReadonlyMap<string, string>
  readonly ledger: Ledger
  readonly feed: ReadonlyMap<string, number>
  readonly verdict: { -readonly [K in keyof Verdict]: Verdict[K] }
}

async function checkPackage(user: NpmUser, { name, told, ledger, feed, verdict }: Task): Promise<void> {
  const packument = (await user.get(`/${name.replace('/', '%2f')}`)).json
  const versions = Object.keys(packument.versions ?? {})
  verdict.versions += versions.length
  for (const [version, integrity] of told)
    if (packument.versions?.[version]?.dist.integrity !== integrity) verdict.lost.push(`${name}@${version}`)
  for (const [tag, version] of ledger.tags.get(name) ?? [])
    if (packument['dist-tags']?.[tag] !== version)
      verdict.wrongTags.push(`${name} ${tag}: ${packument['dist-tags']?.[tag]} instead of ${version}`)
  for (const [tag, version] of Object.entries(packument['dist-tags'] ?? {}))
    if (!versions.includes(String(version))) verdict.wrongTags.push(`${name} ${tag}: no ${version}`)
  const queue = versions.values() // the lanes take from one iterator
  const lane = async () => {
    for (const version of queue) {
      const spec = `${name}@${version}`
      if (!(await isWhole(user, packument.versions[version]))) verdict.broken.push(`${spec} by npm`)
      const times = feed.get(spec) ?? 0
      if (times > 1) verdict.duplicated.push(`${spec} ${times} times in the feed`)
      if (times === 0) verdict.disagreements.push(`${spec} is not in the feed`)
    }
  }
  await Promise.all([lane(), lane(), lane(), lane(), checkEntropic(user, { name, versions, verdict })])
}

/** The tarball that npm would install. */
async function isWhole(user: NpmUser, { dist }: PublishDocument): Promise<boolean> {
  const { pathname } = new URL(dist.tarball)
  const { status, bytes } = await user.get(pathname)
  return status === 200 && sha512(bytes) === dist.integrity
}

async function checkEntropic(
  user: NpmUser,
  { name, versions, verdict }: Pick<Task, 'name' | 'verdict'> & { versions: readonly string[] },
): Promise<void> {
  const path = `/v1/packages/package/${name.slice(1)}`
  const document = (await user.get(path)).json
  const known = Object.keys(document.versions ?? {})
  const differing = [...new Set(known).symmetricDifference(new Set(versions))]
  verdict.disagreements.push(...differing.map((version) => `${name}@${version} is known to one API only`))
  for (const version of known) {
    const { json, status } = await user.get(`${path}/versions/${version}`)
    const file = json.files?.['./package/data.txt']
    const object = await user.get(`/v1/objects/object/sha512/${encodeURIComponent(String(file).slice(7))}`)
    if (status !== 200 || object.status !== 200 || sha512(object.bytes) !== file)
      verdict.broken.push(`${name}@${version} by Entropic`)
  }
}

/** How often each version is said to be published. */
async function publishesInFeed(user: NpmUser): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (let since = -1, last = 0; last !== since; ) {
    since = last
    const page = (await user.get(`/v1/changes?since=${since}&limit=1000`)).json
    for (const { kind, name, detail } of page.objects) {
      if (kind !== 'publish') continue
      const spec = `@${String(name).replace(/@.*?\//, '/')}@${detail.version}`
      counts.set(spec, (counts.get(spec) ?? 0) + 1)
    }
    last = page.last
  }
  return counts
}
