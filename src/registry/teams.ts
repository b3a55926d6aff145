import { Fault, fail } from '../base/fault.ts'
import { EVERYBODY, parseNamespace } from '../base/name.ts'
import type { Tx } from '../storage/sql/database.ts'
import { findAccount, findMembership } from '../storage/tables/accounts.ts'
import { listMembers, lockNamespace } from '../storage/tables/people.ts'
import {
  deleteTeam,
  deleteTeamMember,
  hasTeam,
  insertTeam,
  insertTeamMember,
  listTeamMembers,
  listTeams,
  type TeamKey,
} from '../storage/tables/teams.ts'
import type { Access } from './access.ts'
import { type AuditAction, note, originOfCaller } from './audit.ts'
import type { Context } from './context.ts'
import type { Caller, User } from './model.ts'
import type { Namespaces } from './namespaces.ts'

export type Team = { readonly name: string; readonly members: readonly string[] }

/** What was done to a team; undefined: it stood so already. */
type Change = { readonly action: AuditAction; readonly detail?: object } | undefined

/**
 * Teams: some of a namespace's members by a name, so that packages can be granted to them (see Grants). Whoever leaves the namespace leaves
 * its teams with it. The team `developers` is every member and stays as long as the namespace: joining and leaving it is joining and
 * leaving the namespace. Members see the teams; the namespace's owners decide about them.
 */
export class Teams {
  readonly #context: Context
  readonly #access: Access
  readonly #namespaces: Namespaces

  constructor(context: Context, parts: { access: Access; namespaces: Namespaces }) {
    this.#context = context
    this.#access = parts.access
    this.#namespaces = parts.namespaces
  }

  /** `developers` first, then by name. For members of the namespace. NOT_FOUND, NOT_A_MEMBER. */
  async list(caller: Caller, namespace: string): Promise<Team[]> {
    await this.#namespaces.mustExist(namespace)
    await this.#access.within(caller, namespace)
    const { read } = this.#context.storage.sql
    const names = (await listTeams(read, namespace)).filter((name) => name !== EVERYBODY)
    const members = Map.groupBy(await listTeamMembers(read, namespace), ({ team }) => team)
    return [
      { name: EVERYBODY, members: await listMembers(read, namespace) },
      ...names.map((name) => ({ name, members: (members.get(name) ?? []).map((member) => member.name) })),
    ]
  }

  /** As list, of one team. */
  async find(caller: Caller, key: TeamKey): Promise<Team> {
    const teams = await this.list(caller, key.namespace)
    return teams.find(({ name }) => name === key.team) ?? fail('NOT_FOUND', { what: written(key) })
  }

  /** Whether somebody decides about the teams of a namespace (`owner`) or sees them; undefined: neither. */
  async standing(caller: Caller, namespace: string): Promise<'owner' | 'member' | undefined> {
    if (caller.kind === 'anonymous') return undefined
    return this.#access.standing(this.#context.storage.sql.read, caller, namespace)
  }

  /** INVALID_NAME; BAD_REQUEST when there is one of that name: pnpm would send what conflicts again, for more than a minute. */
  async create(caller: Caller, key: TeamKey): Promise<void> {
    const { namespace, team } = key
    await this.#change(caller, key, async (tx, user) => {
      const row = { namespace, name: parseNamespace(team), created_by: user.id }
      const created_at = this.#context.clock.now()
      if (team === EVERYBODY || !(await insertTeam(tx, { ...row, created_at })))
        throw new Fault('BAD_REQUEST', { why: `The team ${written(key)} is there already.` })
      return { action: 'team.create' }
    })
  }

  /** With all that it was granted. NOT_FOUND; FORBIDDEN for `developers`. */
  async destroy(caller: Caller, key: TeamKey): Promise<void> {
    await this.#change(caller, key, async (tx) => {
      if (key.team === EVERYBODY)
        throw new Fault('FORBIDDEN', {
          why: `${written(key)} is all members of ${key.namespace} and cannot be destroyed.`,
        })
      if (!(await deleteTeam(tx, key))) fail('NOT_FOUND', { what: written(key) })
      return { action: 'team.destroy' }
    })
  }

  /**
   * Takes a member of the namespace into a team; quiet for who is in it. Into `developers` is an invitation to the namespace, as members give
   * them. NOT_FOUND; BAD_REQUEST for who is no member, or not yet.
   */
  async add(caller: Caller, key: TeamKey, name: string): Promise<void> {
    const { namespace, team } = key
    if (team === EVERYBODY) return void (await this.#namespaces.invite(caller, namespace, name))
    await this.#change(caller, key, async (tx) => {
      const account = await this.#accountIn(tx, key, name)
      const membership = await findMembership(tx, namespace, account.id)
      if (!membership || membership.accepted_at === null)
        throw new Fault('BAD_REQUEST', {
          why: membership
            ? `${name} was invited to ${namespace} and has not accepted yet. Teams are made of members.`
            : `${name} is no member of ${namespace}. Invite them first, as with npm org set ${namespace} ${name}; once they accepted, add them.`,
        })
      if (!(await insertTeamMember(tx, key, account.id))) return undefined
      return { action: 'team.add', detail: { member: name } }
    })
  }

  /** Takes somebody out of a team; quiet for who is not in it. Out of `developers` is out of the namespace. NOT_FOUND. */
  async remove(caller: Caller, key: TeamKey, name: string): Promise<void> {
    if (key.team === EVERYBODY) return this.#namespaces.remove(caller, key.namespace, name)
    await this.#change(caller, key, async (tx) => {
      const account = await this.#accountIn(tx, key, name)
      if (!(await deleteTeamMember(tx, key, account.id))) return undefined
      return { action: 'team.remove', detail: { member: name } }
    })
  }

  async #accountIn(tx: Tx, key: TeamKey, name: string) {
    if (!(await hasTeam(tx, key))) fail('NOT_FOUND', { what: written(key) })
    return (await findAccount(tx, name)) ?? fail('NOT_FOUND', { what: name })
  }

  /** One act of an owner, alone with the namespace's members as long as it takes. NOT_FOUND, NOT_A_MEMBER, FORBIDDEN. */
  async #change(caller: Caller, key: TeamKey, work: (tx: Tx, user: User) => Promise<Change>): Promise<void> {
    const { namespace } = key
    this.#access.writer(caller)
    await this.#namespaces.mustExist(namespace)
    const user = await this.#access.actFor(caller, namespace)
    await this.#context.storage.sql.transaction(async (tx) => {
      await lockNamespace(tx, namespace)
      if ((await this.#access.standing(tx, user, namespace)) !== 'owner')
        throw new Fault('FORBIDDEN', { why: `Only an owner of ${namespace} can change its teams.` })
      const change = await work(tx, user)
      if (!change) return
      const stamp = { at: this.#context.clock.now(), by: originOfCaller(user) }
      await note(tx, stamp, { ...change, subject: written(key) })
    })
  }
}

export type { TeamKey }

/** As npm writes a team. */
export function written({ namespace, team }: TeamKey): string {
  return `${namespace}:${team}`
}
