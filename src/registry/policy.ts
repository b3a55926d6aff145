import { createHash } from 'node:crypto'
import semver from 'semver'
import { fail } from '../base/fault.ts'
import { SEVERITIES, type Severity } from '../base/severity.ts'
import { type Clock, iso, type Millis, minutes } from '../base/time.ts'
import type { AdvisoryRow } from '../storage/sql/advisory.ts'
import type { KnownAdvisories } from './advisories/known.ts'
import type { JsonObject } from './model.ts'
import { type Judged, type PolicyRow, readPolicyRow } from './policy-rows.ts'

/**
 * What may be installed of what is mirrored. For the rows see policy-rows.ts. A version is held back until it is `minimumAge` old,
 * unless it is exempt; what was published after `freeze` is not seen.
 */
export type PolicyRules = {
  readonly minimumAge?: Millis
  readonly exempt?: readonly string[]
  /** A version that an imported advisory names as the mended one need not be `minimumAge` old. */
  readonly fixesAtOnce?: true
  /** When there are any, nothing else is allowed. */
  readonly allow?: readonly string[]
  readonly block?: readonly string[]
  readonly freeze?: Millis
  /** Versions with imported advisories as bad as this, or worse, are withheld. */
  readonly advisories?: Severity
}

export type Verdict = { readonly allowed: boolean; readonly why: string }

export type Judge = (judged: Judged) => Verdict

/** How often a packument is rendered anew while versions of it are growing old enough. */
const STEP = minutes(5)
const ANY = { loose: true, includePrerelease: true }
const UNSEEN = 'as far as its document tells; its tarball is looked into when it is first fetched'

/** Decides which mirrored versions are offered. What was published here is not its business. */
export class Policy {
  readonly rules: PolicyRules
  /** Whether a rule asks for more than name, version and date. */
  readonly readsManifests: boolean
  readonly #clock: Clock
  readonly #known: KnownAdvisories
  readonly #allow: readonly PolicyRow[]
  readonly #block: readonly PolicyRow[]
  readonly #exempt: readonly PolicyRow[]
  readonly #rulesTag: string

  constructor(clock: Clock, rules: PolicyRules, known: KnownAdvisories) {
    this.#clock = clock
    this.rules = rules
    this.#known = known
    this.#allow = (rules.allow ?? []).map((row) => readPolicyRow(row, 'allow'))
    this.#block = (rules.block ?? []).map((row) => readPolicyRow(row, 'block'))
    this.#exempt = (rules.exempt ?? []).map((row) => readPolicyRow(row, 'allow'))
    const rows = [this.#allow, this.#block, this.#exempt].flat()
    this.readsManifests = rows.some(({ readsManifest }) => readsManifest)
    this.#rulesTag = createHash('sha256').update(JSON.stringify(rules)).digest('base64url').slice(0, 6)
  }

  /**
   * Decides about the versions of one package; the first rule that decides, in words. Where rules read manifests, both are judged that an installer
   * may go by: the document's, and the one in the tarball.
   */
  async judgeOf(name: string): Promise<Judge> {
    const advisories = this.#asksAdvisories ? await this.#known.of([name]) : []
    return (judged) => {
      const { contained } = judged
      const said = this.#judge(name, judged, advisories)
      if (!said.allowed || !this.readsManifests) return said
      if (contained === undefined) return { ...said, why: `${said.why}, ${UNSEEN}` }
      const found = this.#judge(name, { ...judged, manifest: () => contained }, advisories)
      return found.allowed ? said : denied(`${found.why}, going by its tarball${doubtOf(contained)}`)
    }
  }

  /** Whether name, version and date are all that it takes to judge. */
  async isPlain(): Promise<boolean> {
    return !this.readsManifests && !(this.#asksAdvisories && (await this.#known.any()))
  }

  /** Whether a version is allowed, where name, version and date are known to be all that it takes to judge; false: ask isPlain and check. */
  allowsNow(name: string, judged: Judged): boolean {
    if (this.readsManifests || (this.#asksAdvisories && !this.#known.isKnownEmpty())) return false
    return this.#judge(name, judged, []).allowed
  }

  /** FORBIDDEN, with the reason. */
  async check(name: string, judged: Judged): Promise<void> {
    const { allowed, why } = (await this.judgeOf(name))(judged)
    if (!allowed) fail('FORBIDDEN', { why: `${name}@${judged.version} is withheld here: ${why}` })
  }

  /**
   * What tells one rendering of a mirrored package from a later one while its rows stay the same: time passes, rules change. No version can be
   * younger than the package's last change here.
   */
  tag({ source, modifiedAt }: { source: 'local' | 'mirror'; modifiedAt: Millis }): string {
    if (source === 'local' || Object.keys(this.rules).length === 0) return ''
    const now = this.#clock.now()
    const isSettled = modifiedAt + (this.rules.minimumAge ?? 0) < now - STEP
    return `-${this.#rulesTag}${isSettled ? '' : Math.floor(now / STEP)}`
  }

  get #asksAdvisories(): boolean {
    return this.rules.advisories !== undefined || this.rules.fixesAtOnce === true
  }

  #judge(name: string, judged: Judged, advisories: readonly AdvisoryRow[]): Verdict {
    const covers = (row: PolicyRow) => row.covers(name, judged)
    const block = this.#block.find(covers)
    if (block) return denied(`it is blocked by "${block.text}"`)
    if (this.#allow.length > 0 && !this.#allow.some(covers)) return denied('it is not among what is allowed')
    const hole = advisories.find((advisory) => this.#isBad(advisory, judged.version))
    if (hole) return denied(`it is affected by ${hole.id} (${hole.severity})`)
    return this.#judgeDate(judged, {
      exempt: this.#exempt.find(covers),
      mended: this.rules.fixesAtOnce && advisories.find((advisory) => mends(advisory, judged.version)),
    })
  }

  #judgeDate(
    { publishedAt }: Judged,
    { exempt, mended }: { exempt: PolicyRow | undefined; mended: AdvisoryRow | undefined | false },
  ): Verdict {
    const { freeze, minimumAge = 0 } = this.rules
    if (freeze !== undefined && publishedAt > freeze)
      return denied(`it was published on ${iso(publishedAt)}, after the freeze of ${iso(freeze)}`)
    const due = publishedAt + minimumAge
    if (due <= this.#clock.now()) return { allowed: true, why: 'no rule holds it back' }
    if (exempt) return { allowed: true, why: `it is young, but exempt by "${exempt.text}"` }
    if (mended) return { allowed: true, why: `it is young, but fixes ${mended.id}` }
    return denied(`it was published on ${iso(publishedAt)} and is held back until ${iso(due)}`)
  }

  #isBad({ severity, vulnerable }: AdvisoryRow, version: string): boolean {
    const { advisories: least } = this.rules
    if (least === undefined || SEVERITIES.indexOf(severity) < SEVERITIES.indexOf(least)) return false
    return semver.satisfies(version, vulnerable, ANY)
  }
}

/** Why nobody can tell what a tarball holds. */
function doubtOf({ unreadable }: JsonObject): string {
  return typeof unreadable === 'string' ? ` (${unreadable})` : ''
}

function mends({ fixed }: AdvisoryRow, version: string): boolean {
  const versions: unknown = JSON.parse(fixed) // a list we wrote ourselves
  return Array.isArray(versions) && versions.includes(version)
}

const denied = (why: string): Verdict => ({ allowed: false, why })
