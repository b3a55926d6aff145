import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import { Fault, fail } from '../base/fault.ts'
import { fromNpmName, npmNameOf } from '../base/name.ts'
import type { Millis } from '../base/time.ts'
import { Conflict } from '../storage/sql/database.ts'
import { deleteStaged, insertStaged, listStaged, type StagedWithAccount } from '../storage/tables/staged.ts'
import { type Access, covers } from './access.ts'
import { note, originOfCaller } from './audit.ts'
import type { Context } from './context.ts'
import type { Caller, PackageHead, PublishRequest, User } from './model.ts'
import type { Packages } from './packages.ts'
import type { TwoFactor } from './two-factor.ts'
import type { Published, Versions } from './versions.ts'

export type StagedVersion = {
  readonly id: string
  readonly npmName: string
  readonly version: string
  readonly tags: readonly string[]
  /** Who may read the package once it is approved. */
  readonly access: PackageHead['access']
  /** Hex. */
  readonly sha1: string
  readonly size: number
  /** Who staged it, in their own person or through a trusted build. */
  readonly account: string
  readonly byBuild: boolean
  readonly createdAt: Millis
}

type Parts = { access: Access; packages: Packages; twoFactor: TwoFactor; versions: Versions }
/** What is kept of a request beside its name, version and tarball. */
type Kept = Pick<PublishRequest, 'manifest' | 'tags' | 'readme' | 'access' | 'provenance'>

/** Versions that were sent, checked and stored, and that somebody must approve before anybody can install them. */
export class Stages {
  readonly #context: Context
  readonly #access: Access
  readonly #packages: Packages
  readonly #twoFactor: TwoFactor
  readonly #versions: Versions

  constructor(context: Context, parts: Parts) {
    this.#context = context
    this.#access = parts.access
    this.#packages = parts.packages
    this.#twoFactor = parts.twoFactor
    this.#versions = parts.versions
  }

  /** Takes a version as a publish would, without a second factor. Throws what publish throws; FORBIDDEN when the number is staged. */
  async add(caller: Caller, request: PublishRequest): Promise<string> {
    const user = await this.#versions.examine(caller, request)
    const { content } = request
    if (content.kind !== 'tarball') return fail('BAD_REQUEST', { why: 'a staged version is one tarball' })
    const { manifest, tags, readme, access, provenance } = request
    const id = randomUUID()
    const row = {
      id,
      npm_name: npmNameOf(request.name),
      version: request.version,
      tarball: content.print.digest,
      sha1: content.print.sha1,
      size: content.print.size,
      request: JSON.stringify({ manifest, tags, readme, access, provenance }),
      build: user.build ? JSON.stringify(user.build) : null,
      account_id: user.id,
      created_at: this.#context.clock.now(),
    }
    try {
      await this.#context.storage.sql.transaction(async (tx) => {
        await insertStaged(tx, row)
        const deed = {
          action: 'stage.add',
          subject: row.npm_name,
          detail: { version: row.version, id },
        } as const
        await note(tx, { at: row.created_at, by: originOfCaller(user) }, deed)
      })
    } catch (error) {
      if (!(error instanceof Conflict)) throw error
      const why = `${row.npm_name}@${row.version} is staged already. Approve or reject it.`
      throw new Fault('FORBIDDEN', { why }, { cause: error })
    }
    return id
  }

  /** What the caller staged, and what was staged of packages the caller may publish; newest first. */
  async list(caller: Caller, npmName?: string): Promise<StagedVersion[]> {
    return (await this.#rows(caller, npmName === undefined ? {} : { npmName })).map(stagedOf)
  }

  /** NOT_FOUND, also for whoever may not see it. */
  async find(caller: Caller, id: string): Promise<StagedVersion> {
    return stagedOf((await this.#own(caller, id)).row)
  }

  async tarball(caller: Caller, id: string): Promise<{ size: number; bytes: Readable }> {
    const { row } = await this.#own(caller, id)
    return { size: row.size, bytes: await this.#context.storage.blobs.open(row.tarball) }
  }

  /**
   * Publishes it: by somebody who may publish the package, with the second factor where they have one, whatever their token may do without.
   * OTP_REQUIRED, and what publish throws.
   */
  async approve(caller: Caller, id: string): Promise<Published> {
    const { user, row } = await this.#own(caller, id)
    await this.#person(user)
    const kept = JSON.parse(row.request) as Kept // written by add
    const build = row.build === null ? {} : { build: JSON.parse(row.build) }
    const published = await this.#versions.publish(user, {
      ...kept,
      missing: 'create',
      name: fromNpmName(row.npm_name),
      version: row.version,
      readme: kept.readme,
      content: {
        kind: 'tarball',
        print: { digest: row.tarball, sha1: row.sha1, size: row.size },
        expect: {},
      },
      staged: { id, name: row.account, ...build },
    })
    await this.#note(user, 'stage.approve', row)
    return published
  }

  /** Throws it away; its number is free again. */
  async reject(caller: Caller, id: string): Promise<void> {
    const { user, row } = await this.#own(caller, id)
    const name = fromNpmName(row.npm_name)
    if (await this.#packages.findLocal(name)) await this.#packages.writable(user, name, 'edit')
    await this.#person(user)
    const gone = await this.#context.storage.sql.transaction((tx) => deleteStaged(tx, id))
    if (!gone) throw new Fault('NOT_FOUND', { what: `staged version ${id}` })
    await this.#note(user, 'stage.reject', row)
  }

  /** Staging puts the second factor off until now. */
  async #person(user: User): Promise<void> {
    if (user.build)
      throw new Fault('FORBIDDEN', { why: 'What is staged is judged by people, not by builds.' })
    if (await this.#twoFactor.isActive(user.id)) await this.#twoFactor.prove(user)
  }

  async #own(caller: Caller, id: string): Promise<{ user: User; row: StagedWithAccount }> {
    const user = this.#access.writer(caller)
    const [row] = await this.#rows(user, { id })
    return { user, row: row ?? fail('NOT_FOUND', { what: `staged version ${id}` }) }
  }

  async #rows(caller: Caller, which: { id?: string; npmName?: string }): Promise<StagedWithAccount[]> {
    const user = this.#access.writer(caller)
    const mine = user.admin ? {} : { accountId: user.id }
    const rows = await listStaged(this.#context.storage.sql.read, { ...which, ...mine })
    return rows.filter((row) => covers(user, fromNpmName(row.npm_name)))
  }

  async #note(user: User, action: 'stage.approve' | 'stage.reject', row: StagedWithAccount): Promise<void> {
    const at = this.#context.clock.now()
    const detail = { version: row.version, id: row.id }
    await this.#context.storage.sql.transaction((tx) =>
      note(tx, { at, by: originOfCaller(user) }, { action, subject: row.npm_name, detail }),
    )
  }
}

function stagedOf(row: StagedWithAccount): StagedVersion {
  const { tags, access } = JSON.parse(row.request) as Kept // written by add
  return {
    id: row.id,
    npmName: row.npm_name,
    version: row.version,
    tags,
    access: access ?? row.package_access ?? 'public',
    sha1: row.sha1,
    size: row.size,
    account: row.account,
    byBuild: row.build !== null,
    createdAt: row.created_at,
  }
}
