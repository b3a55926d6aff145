import { createHash } from 'node:crypto'
import semver from 'semver'
import { fail } from '../base/fault.ts'
import { type Clock, iso, type Millis, minutes } from '../base/time.ts'
import { patternOf } from './mirror/routes.ts'
import { splitSpec } from './wishes.ts'

/**
 * What may be installed of what is mirrored. Rows are `name`, `@scope/*` or `name@range`. A version is held back until it is
 * `minimumAge` old, unless it is exempt; what was published after `freeze` is not seen.
 */
export type PolicyRules = {
  readonly minimumAge?: Millis
  readonly exempt?: readonly string[]
  /** When there are any, nothing else is allowed. */
  readonly allow?: readonly string[]
  readonly block?: readonly string[]
  readonly freeze?: Millis
}

export type Verdict = { readonly allowed: boolean; readonly why: string }

type Row = { readonly text: string; readonly name: RegExp; readonly range: string }

/** How often a packument is rendered anew while versions of it are growing old enough. */
const STEP = minutes(5)

/** Decides which mirrored versions are offered. What was published here is not its business. */
export class Policy {
  readonly #clock: Clock
  readonly rules: PolicyRules
  readonly #allow: readonly Row[]
  readonly #block: readonly Row[]
  readonly #exempt: readonly Row[]
  readonly #rulesTag: string

  constructor(clock: Clock, rules: PolicyRules) {
    this.#clock = clock
    this.rules = rules
    this.#allow = (rules.allow ?? []).map(rowOf)
    this.#block = (rules.block ?? []).map(rowOf)
    this.#exempt = (rules.exempt ?? []).map(rowOf)
    this.#rulesTag = createHash('sha256').update(JSON.stringify(rules)).digest('base64url').slice(0, 6)
  }

  /** The first rule that decides, in words. */
  judge(name: string, version: string, publishedAt: Millis): Verdict {
    const covers = (row: Row) =>
      row.name.test(name) && (row.range === '' || semver.satisfies(version, row.range, ANY))
    const block = this.#block.find(covers)
    if (block) return denied(`it is blocked by "${block.text}"`)
    if (this.#allow.length > 0 && !this.#allow.some(covers)) return denied('it is not among what is allowed')
    const { freeze, minimumAge = 0 } = this.rules
    if (freeze !== undefined && publishedAt > freeze)
      return denied(`it was published on ${iso(publishedAt)}, after the freeze of ${iso(freeze)}`)
    const due = publishedAt + minimumAge
    if (due <= this.#clock.now()) return { allowed: true, why: 'no rule holds it back' }
    const exempt = this.#exempt.find(covers)
    if (exempt) return { allowed: true, why: `it is young, but exempt by "${exempt.text}"` }
    return denied(`it was published on ${iso(publishedAt)} and is held back until ${iso(due)}`)
  }

  /** FORBIDDEN, with the reason. */
  check(name: string, version: string, publishedAt: Millis): void {
    const { allowed, why } = this.judge(name, version, publishedAt)
    if (!allowed) fail('FORBIDDEN', { why: `${name}@${version} is withheld here: ${why}` })
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
}

const ANY = { loose: true, includePrerelease: true }

function rowOf(text: string): Row {
  const { name, range } = splitSpec(text)
  if (range !== '' && semver.validRange(range) === null)
    fail('BAD_REQUEST', { why: `"${text}" is no rule: "${range}" is not a range of versions` })
  return { text, name: patternOf(name), range }
}

const denied = (why: string): Verdict => ({ allowed: false, why })
