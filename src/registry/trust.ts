import { randomUUID } from 'node:crypto'
import { Fault, isFault } from '../base/fault.ts'
import { npmNameOf, type PackageName } from '../base/name.ts'
import { hours, type Millis } from '../base/time.ts'
import { Conflict } from '../storage/sql/database.ts'
import { insertToken } from '../storage/tables/tokens.ts'
import {
  deleteExpiredTrust,
  deleteTrust,
  insertIdentityToken,
  insertTrust,
  listTrust,
  type TrustWithAccount,
} from '../storage/tables/trust.ts'
import type { Access } from './access.ts'
import { type Audit, note, originOfCaller } from './audit.ts'
import type { Context } from './context.ts'
import type { Caller, JsonObject, User } from './model.ts'
import type { Packages } from './packages.ts'
import { newToken } from './tokens.ts'
import { type Identity, type Issuers, Unacceptable } from './trust/issuers.ts'
import { mismatch, parseRule, type Rule } from './trust/rules.ts'
import type { TwoFactor } from './two-factor.ts'

export type TrustRule = Rule & { readonly id: string; readonly createdAt: Millis }

/** What a build gets for its identity token. */
export type Exchanged = { readonly secret: string; readonly createdAt: Millis; readonly expiresAt: Millis }

type Parts = { access: Access; twoFactor: TwoFactor; packages: Packages; audit: Audit; issuers: Issuers }

const LIFETIME = hours(1)
const MOST_RULES = 20

/** Builds that publish without a token: rules say which, and an identity token that fits one is exchanged for a token of an hour. */
export class Trust {
  readonly #context: Context
  readonly #access: Access
  readonly #twoFactor: TwoFactor
  readonly #packages: Packages
  readonly #audit: Audit
  readonly #issuers: Issuers

  constructor(context: Context, parts: Parts) {
    this.#context = context
    this.#access = parts.access
    this.#twoFactor = parts.twoFactor
    this.#packages = parts.packages
    this.#audit = parts.audit
    this.#issuers = parts.issuers
  }

  /** Of a package that the caller may change, or could make. */
  async list(caller: Caller, name: PackageName): Promise<TrustRule[]> {
    await this.#manage(caller, name)
    return (await listTrust(this.#context.storage.sql.read, npmNameOf(name))).map(ruleOf)
  }

  /** Builds that fit publish in the caller's name. BAD_REQUEST; CONFLICT for a rule that is there. */
  async add(caller: Caller, name: PackageName, bodies: readonly JsonObject[]): Promise<TrustRule[]> {
    const user = await this.#decide(caller, name)
    const rules = bodies.map(parseRule)
    const packageName = npmNameOf(name)
    const now = this.#context.clock.now()
    return this.#context.storage.sql.transaction(async (tx) => {
      const known = (await listTrust(tx, packageName)).map(ruleOf)
      if (known.length + rules.length > MOST_RULES)
        throw new Fault('CONFLICT', { why: `A package has at most ${MOST_RULES} trusted publishers.` })
      const added: TrustRule[] = []
      for (const rule of rules) {
        if (known.some((one) => isSame(one, rule)))
          throw new Fault('CONFLICT', { why: 'The package trusts this publisher already.' })
        const made = { ...rule, id: randomUUID(), createdAt: now }
        const { type } = rule
        const [claims, permissions] = [JSON.stringify(rule.claims), JSON.stringify(rule.permissions)]
        const owner = { package_name: packageName, account_id: user.id, created_at: now }
        await insertTrust(tx, { id: made.id, type, claims, permissions, ...owner })
        const detail = { id: made.id, type, claims, permissions: rule.permissions.join(', ') }
        const deed = { action: 'trust.add', subject: packageName, detail } as const
        await note(tx, { at: now, by: originOfCaller(user) }, deed)
        added.push(made)
      }
      return added
    })
  }

  /** Tokens given by the rule end with it. NOT_FOUND. */
  async revoke(caller: Caller, name: PackageName, id: string): Promise<void> {
    const user = await this.#decide(caller, name)
    const at = this.#context.clock.now()
    const subject = npmNameOf(name)
    await this.#context.storage.sql.transaction(async (tx) => {
      if (!(await deleteTrust(tx, subject, id)))
        throw new Fault('NOT_FOUND', { what: `trusted publisher ${id} of ${subject}` })
      await note(tx, { at, by: originOfCaller(user) }, { action: 'trust.revoke', subject, detail: { id } })
    })
  }

  /**
   * A token limited to the package for an identity token that fits one of its rules. UNAUTHENTICATED, FORBIDDEN; why a genuine token
   * was refused stands in the audit log, since clients keep it to themselves.
   */
  async exchange(idToken: string, name: PackageName, address: string): Promise<Exchanged> {
    let claims: Readonly<Record<string, unknown>> = {}
    try {
      const identity = await this.#issuers.verify(idToken)
      claims = identity.claims
      return await this.#give(identity, { name: npmNameOf(name), address })
    } catch (error) {
      if (error instanceof Unacceptable) claims = error.claims
      else if (!isFault(error, 'FORBIDDEN')) throw error
      const why = error.message
      const detail = { why, issuer: claims.iss, build: claims.sub }
      await this.#audit.note({ address }, { action: 'trust.refuse', subject: npmNameOf(name), detail })
      throw error instanceof Unacceptable
        ? new Fault('FORBIDDEN', { why: `The identity token is no good: ${why}` }, { cause: error })
        : error
    }
  }

  async #give(identity: Identity, { name, address }: { name: string; address: string }): Promise<Exchanged> {
    const rule = await this.#ruleFor(identity, name)
    const now = this.#context.clock.now()
    const { claims, jti, issuer } = identity
    const used = { issuer: issuer.url, jti, package_name: name, expires_at: identity.expiresAt }
    const account = { id: rule.account_id, name: rule.name }
    const { row, secret } = newToken(account, {
      now,
      description: `trusted ${issuer.type} build ${String(claims.sub ?? '')}`,
      access: 'publish',
      lifetime: LIFETIME,
      packages: [name],
      bypassesTfa: true,
    })
    try {
      await this.#context.storage.sql.transaction(async (tx) => {
        await deleteExpiredTrust(tx, now)
        await insertIdentityToken(tx, used)
        await insertToken(tx, { ...row, trust_id: rule.id })
        const detail = { id: row.id, rule: rule.id, issuer: claims.iss, build: claims.sub }
        const by = { actor: account.name, address }
        await note(tx, { at: now, by }, { action: 'trust.exchange', subject: name, detail })
      })
    } catch (error) {
      if (!(error instanceof Conflict)) throw error
      const why = 'This identity token was exchanged before.'
      throw new Fault('FORBIDDEN', { why }, { cause: error })
    }
    return { secret, createdAt: now, expiresAt: now + LIFETIME }
  }

  async #ruleFor({ issuer, claims }: Identity, name: string): Promise<TrustWithAccount> {
    const rows = (await listTrust(this.#context.storage.sql.read, name)).filter(
      ({ type }) => type === issuer.type,
    )
    const reasons: string[] = []
    for (const row of rows) {
      const reason = row.disabled_at === null ? mismatch(ruleOf(row), claims) : `${row.name} is disabled`
      if (reason === undefined) return row
      reasons.push(reason)
    }
    const why = reasons.length > 0 ? reasons.join('; ') : `it has none of ${issuer.type}`
    throw new Fault('FORBIDDEN', { why: `No trusted publisher of "${name}" fits this build: ${why}` })
  }

  /** Trust outlasts the token that gave it: that must be a whole one, and the second factor come along where there is one. */
  async #decide(caller: Caller, name: PackageName): Promise<User> {
    const user = await this.#manage(caller, name)
    await this.#access.self(user)
    if (await this.#twoFactor.isActive(user.id)) await this.#twoFactor.prove(user)
    return user
  }

  /** Who changes a package decides which builds may; who could make it, too, so that its first version can come from a build. */
  async #manage(caller: Caller, name: PackageName): Promise<User> {
    const user = await this.#packages.mayPublish(caller, name, { missing: 'create' })
    if (await this.#packages.findLocal(name)) await this.#packages.writable(caller, name)
    return user
  }
}

function isSame(one: Rule, other: Rule): boolean {
  const text = ({ type, claims }: Rule) => JSON.stringify([type, Object.entries(claims).sort()])
  return text(one) === text(other)
}

function ruleOf(row: TrustWithAccount): TrustRule {
  // Written by add, from a rule.
  const rule = { type: row.type, claims: JSON.parse(row.claims), permissions: JSON.parse(row.permissions) }
  return { ...rule, id: row.id, createdAt: row.created_at }
}
