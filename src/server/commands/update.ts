import semver from 'semver'
import manifest from '../../../package.json' with { type: 'json' }
import { isFault } from '../../base/fault.ts'
import { seconds } from '../../base/time.ts'
import type { Upstream } from '../../registry/upstream.ts'
import { upstreamAddress } from '../config/upstream.ts'
import type { Config, Settings } from '../config.ts'
import { usage } from '../failure.ts'
import { configuredUpstream } from '../open.ts'
import type { Call } from './command.ts'

/** What the upstream said of the newest version. */
type Answer =
  | { readonly kind: 'published'; readonly version: string }
  | { readonly kind: 'unknown'; readonly why: string }

const NEWER = 1
const UNKNOWN = 3
/** Bytes of one version's manifest. */
const LIMIT = 2 ** 20

/** Tells whether the upstream has a newer version. Nothing is downloaded, nothing replaced. */
export async function update({ flags, settings }: Call): Promise<number> {
  if (!('check' in flags))
    throw usage('entropic never replaces itself; "update --check" tells whether there is a newer version.')
  const answer = await askUpstream(settings)
  const { sentence, code } = verdict(answer)
  process.stdout.write(`This is entropic ${manifest.version}. ${sentence}\n`)
  return code
}

function verdict(answer: Answer): { sentence: string; code: number } {
  if (answer.kind === 'unknown')
    return { sentence: `Whether there is a newer one cannot be known: ${answer.why}.`, code: UNKNOWN }
  if (semver.gt(answer.version, manifest.version))
    return { sentence: `${answer.version} is published; nothing was downloaded.`, code: NEWER }
  return { sentence: 'Nothing newer is published.', code: 0 }
}

async function askUpstream({ config }: Settings): Promise<Answer> {
  if (config.offline) return unknown('the registry is offline (OFFLINE)')
  const address = await upstreamAddress(config, config.port)
  const upstream = configuredUpstream(config, address)
  if (!upstream) return unknown('there is no upstream to ask (UPSTREAM)')
  try {
    return await latestOf(upstream.for(manifest.name), config)
  } catch (error) {
    if (isFault(error, 'UPSTREAM_UNAVAILABLE', 'UPSTREAM_TIMEOUT', 'UPSTREAM_INVALID'))
      return unknown(`${upstream.for(manifest.name).url} does not answer`)
    throw error
  } finally {
    await upstream.close()
  }
}

async function latestOf(upstream: Upstream, { upstreamTimeout }: Config): Promise<Answer> {
  const deadline = Math.min(upstreamTimeout, seconds(10))
  const body = await upstream.service?.({ path: `/${manifest.name}/latest`, deadline, limit: LIMIT })
  if (body === undefined) return unknown(`${upstream.url} has no "${manifest.name}"`)
  const version = ownVersion(body)
  if (version !== undefined) return { kind: 'published', version }
  return unknown(`"${manifest.name}" in ${upstream.url} is another program`)
}

/** The version of a manifest that is ours: names are taken by strangers, too. */
function ownVersion(body: Buffer): string | undefined {
  try {
    const { version, bin, exports } = JSON.parse(body.toString())
    if (bin?.entropic === undefined || exports?.['./fixture'] === undefined) return undefined
    return semver.valid(version) ?? undefined
  } catch {
    return undefined
  }
}

const unknown = (why: string): Answer => ({ kind: 'unknown', why })
