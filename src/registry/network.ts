import type { CompiledQuery } from 'kysely'
import type { Sql } from '../storage/sql/database.ts'
import { settingByName, upsertSetting } from '../storage/tables/settings.ts'

/**
 * How the upstream is used. `online`: copies are kept current. `prefer-offline`: a copy is good enough whatever its age, and
 * only what is missing is asked for. `offline`: no packet leaves.
 */
export const NETWORK_MODES = ['online', 'prefer-offline', 'offline'] as const
export type NetworkMode = (typeof NETWORK_MODES)[number]

const SETTING = 'network-mode'

/** The network mode, shared by every process on the same data: a server follows a change with its next question. */
export class Network {
  readonly #sql: Sql
  readonly #fixed: NetworkMode | undefined
  readonly #query: CompiledQuery<{ value: string }>

  /** @param fixed the mode whatever is stored */
  constructor(sql: Sql, fixed?: NetworkMode) {
    this.#sql = sql
    this.#fixed = fixed
    this.#query = settingByName(sql.read)
  }

  async mode(): Promise<NetworkMode> {
    if (this.#fixed) return this.#fixed
    const row = await this.#sql.first(this.#query, [SETTING])
    return NETWORK_MODES.find((mode) => mode === row?.value) ?? 'online'
  }

  async isOffline(): Promise<boolean> {
    return (await this.mode()) === 'offline'
  }

  /** For every process from now on, but those whose mode is fixed. */
  async change(mode: NetworkMode): Promise<void> {
    await this.#sql.transaction((tx) => upsertSetting(tx, { name: SETTING, value: mode }))
  }
}
