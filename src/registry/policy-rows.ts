import semver from 'semver'
import { fail } from '../base/fault.ts'
import { isNpmName } from '../base/name.ts'
import type { Millis } from '../base/time.ts'
import { runsOnInstall } from './abbreviated.ts'
import { patternOf } from './mirror/routes.ts'
import type { Json, JsonObject } from './model.ts'
import { asObject } from './upstream-document.ts'
import { splitSpec } from './wishes.ts'

/** A version to be judged; its manifest is read only when a rule asks about it. */
export type Judged = {
  readonly version: string
  readonly publishedAt: Millis
  readonly manifest: () => JsonObject | undefined
  /** What the package.json in its tarball says, as far as rules ask; absent: nobody has looked yet. */
  readonly contained?: JsonObject | undefined
}

/** A row of an allow or block list, or of the exempt. */
export type PolicyRow = {
  readonly text: string
  readonly readsManifest: boolean
  covers(name: string, judged: Judged): boolean
}

const ANY = { loose: true, includePrerelease: true }

/** What a rule may ask about besides the name, and of what. */
const KIND = /^([^:@]*):(.*)$/
const KINDS: readonly string[] = ['licence', 'install-script', 'misnamed']

/**
 * Reads `name`, `name@range`, `@scope/*`, `licence:GPL-*` (`licence:none` is what names no licence), `install-script:NAME`, which is
 * what runs a script when installed, or `misnamed:NAME`, which is what calls itself by another name or version. BAD_REQUEST.
 */
export function readPolicyRow(text: string, list: 'allow' | 'block'): PolicyRow {
  const why = whyNoRule(text)
  if (why !== undefined) fail('BAD_REQUEST', { why: `"${text}" is no rule: ${why}` })
  const [, kind, of = text] = KIND.exec(text) ?? []
  if (kind === 'licence') return licenceRow(text, patternOf(of), list)
  const { name, range } = splitSpec(of)
  const pattern = patternOf(name)
  const named = (it: string, { version }: Judged) =>
    pattern.test(it) && (range === '' || semver.satisfies(version, range, ANY))
  if (kind === undefined) return { text, readsManifest: false, covers: named }
  const isSo = kind === 'misnamed' ? isMisnamed : hasInstallScript
  const covers: PolicyRow['covers'] = (it, judged) =>
    named(it, judged) && isSo(judged.manifest() ?? {}, { name: it, version: judged.version })
  return { text, readsManifest: true, covers }
}

/** Why a text is no rule: a mistyped one that could match no package would be a lock that is never shut. Undefined when it is one. */
export function whyNoRule(text: string): string | undefined {
  const [, kind, of = text] = KIND.exec(text) ?? []
  if (kind !== undefined && !KINDS.includes(kind))
    return `there is no "${kind}:", only ${KINDS.map((it) => `${it}:`).join(', ')}`
  if (of === '') return 'it names nothing'
  if (kind === 'licence') return undefined
  const { name, range } = splitSpec(of)
  if (range !== '' && semver.validRange(range) === null) return `"${range}" is not a range of versions`
  if (canMatch(name)) return undefined
  const isScope = name.startsWith('@') && canMatch(`${name}/*`)
  return isScope ? `did you mean "${name}/*"?` : `no package can have the name "${name}"`
}

/** What `*` may stand for, as far as it matters to a name's form. */
const ANYTHING = ['x', '@x', 'x/x', '@x/x']

/** Whether there can be a package that is called so. */
function canMatch(name: string): boolean {
  return ANYTHING.some((text) => isNpmName(name.replace('*', text).replaceAll('*', 'x')))
}

/** Where licences are to choose from (`OR`), one that is allowed is enough, and blocked is only who offers no other. */
function licenceRow(text: string, pattern: RegExp, list: 'allow' | 'block'): PolicyRow {
  const fits = (id: string) => pattern.test(id)
  const covers: PolicyRow['covers'] = (_, judged) => {
    const choices = choicesOf(licenceOf(judged.manifest()))
    return list === 'allow' ? choices.some((ids) => ids.every(fits)) : choices.every((ids) => ids.some(fits))
  }
  return { text, readsManifest: true, covers }
}

/** `MIT OR (A AND B)` → each choice's names. Choices within a part are not told apart: all their names count together. */
function choicesOf(expression: string): string[][] {
  const bare = expression.trim().replace(/^\(([^()]*)\)$/, '$1')
  const choices = bare.includes('(') ? [bare] : bare.split(/\s+OR\s+/i)
  return choices.map((choice) =>
    choice
      .replaceAll(/[()]/g, ' ')
      .split(/\s+(?:AND|OR|WITH)\s+/i)
      .map((id) => id.trim()),
  )
}

/** Old manifests write an object, or a list in `licenses`, of which one may choose. */
export function licenceOf(manifest: JsonObject | undefined): string {
  const said = [manifest?.license, manifest?.licenses].flat().flatMap((it) => nameOf(it) ?? [])
  return said.length === 0 ? 'none' : said.join(' OR ')
}

function nameOf(value: Json | undefined): string | undefined {
  const name = asObject(value)?.type ?? value
  return typeof name === 'string' && name.trim() !== '' ? name : undefined
}

function hasInstallScript(manifest: JsonObject): boolean {
  return manifest.hasInstallScript === true || manifest.gypfile === true || runsOnInstall(manifest.scripts)
}

/** Whether a manifest says another name or version than it is known by. */
export function isMisnamed(
  manifest: JsonObject,
  { name, version }: { readonly name: string; readonly version: string },
): boolean {
  const isOther = (said: Json | undefined, known: string | null) => typeof said === 'string' && said !== known
  const number =
    typeof manifest.version === 'string' ? (semver.clean(manifest.version, true) ?? '') : undefined
  return isOther(manifest.name, name) || isOther(number, semver.clean(version, true))
}
