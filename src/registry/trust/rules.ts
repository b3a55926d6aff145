import { Fault } from '../../base/fault.ts'
import type { Json, JsonObject } from '../model.ts'

/** The build servers known; each says in its own claims which build it is. */
export const TRUST_TYPES = ['github', 'gitlab', 'circleci'] as const
export type TrustType = (typeof TRUST_TYPES)[number]

export const PERMISSIONS = ['createPackage', 'createStagedPackage'] as const
/** To publish (and set dist-tags), or only to stage what a person then approves. */
export type Permission = (typeof PERMISSIONS)[number]

/** What an identity token must say: a text, one of several, or a file named in a reference such as `o/r/.github/workflows/x.yml@refs/heads/main`. */
type Wanted = string | readonly string[] | { readonly file: string }
export type Rule = {
  readonly type: TrustType
  readonly claims: Readonly<Record<string, Wanted>>
  readonly permissions: readonly Permission[]
}

const CIRCLECI = 'oidc.circleci.com'
/** The claims that a rule must have, and those it may. */
const CLAIMS: Readonly<Record<TrustType, { needed: readonly string[]; allowed: readonly string[] }>> = {
  github: { needed: ['repository', 'workflow_ref'], allowed: ['environment'] },
  gitlab: { needed: ['project_path', 'ci_config_ref_uri'], allowed: ['environment'] },
  circleci: {
    needed: ['org-id', 'project-id', 'pipeline-definition-id', 'vcs-origin'].map((it) => `${CIRCLECI}/${it}`),
    allowed: [`${CIRCLECI}/context-ids`],
  },
}
const LONGEST = 500

/** A rule as npm trust sends it. BAD_REQUEST says what is missing or not known: what is not understood must not widen a rule. */
export function parseRule(body: JsonObject): Rule {
  const type = TRUST_TYPES.find((it) => it === body.type)
  if (!type) return bad(`"type" is one of ${TRUST_TYPES.join(', ')}`)
  const { needed, allowed } = CLAIMS[type]
  const given = objectOf(body.claims) ?? {}
  const claims: Record<string, Wanted> = {}
  for (const [name, value] of Object.entries(given)) {
    if (![...needed, ...allowed].includes(name)) bad(`a ${type} rule has no claim "${name}"`)
    claims[name] = wantedOf(name, value)
  }
  for (const name of needed) if (!(name in claims)) bad(`a ${type} rule needs the claim "${name}"`)
  return { type, claims, permissions: permissionsOf(body.permissions) }
}

function wantedOf(name: string, value: Json | undefined): Wanted {
  const isText = (it: unknown): it is string => typeof it === 'string' && it !== '' && it.length <= LONGEST
  const file = objectOf(value)?.file
  if (isText(file))
    return name.endsWith('_ref') || name.endsWith('_ref_uri') ? { file } : bad(mustBeText(name))
  if (name.endsWith('_ref') || name.endsWith('_ref_uri'))
    return bad(`the claim "${name}" is {"file": "the file's name"}`)
  if (isText(value)) return value
  if (Array.isArray(value) && value.length > 0 && value.every(isText)) return value
  return bad(mustBeText(name))
}

const mustBeText = (name: string) => `the claim "${name}" must be a text of at most ${LONGEST} characters`

function permissionsOf(value: Json | undefined): Permission[] {
  // npm before 11.15 knows none: it means to publish.
  if (value === undefined) return ['createPackage']
  const known = PERMISSIONS.filter((it) => Array.isArray(value) && value.includes(it))
  if (!Array.isArray(value) || known.length !== value.length || known.length === 0)
    return bad(`"permissions" is a list of ${PERMISSIONS.join(', ')}`)
  return known
}

/** What keeps a build's claims from fitting a rule, in words; undefined when nothing does. */
export function mismatch(rule: Rule, claims: Readonly<Record<string, unknown>>): string | undefined {
  for (const [name, wanted] of Object.entries(rule.claims)) {
    const said = claims[name]
    if (!fits(rule, wanted, said)) return `${name} is ${JSON.stringify(said) ?? 'missing'}`
  }
  return undefined
}

function fits({ type, claims }: Rule, wanted: Wanted, said: unknown): boolean {
  if (typeof wanted === 'string') return said === wanted
  if (!('file' in wanted)) return Array.isArray(said) && wanted.every((one) => said.includes(one))
  // The file of that repository itself: another's workflow may be called the same.
  const file =
    type === 'github'
      ? `${String(claims.repository)}/.github/workflows/${wanted.file}@`
      : `/${String(claims.project_path)}//${wanted.file}@`
  if (typeof said !== 'string') return false
  return type === 'github' ? said.startsWith(file) : said.includes(file)
}

function objectOf(value: Json | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
}

function bad(why: string): never {
  throw new Fault('BAD_REQUEST', { why })
}
