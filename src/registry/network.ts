import type { CompiledQuery } from 'kysely'
import type { Sql } from '../storage/sql/database.ts'
import { settingByName, upsertSetting } from '../storage/tables/settings.ts'

/**
 * How an upstream is used, from the least strict. `online`: copies are kept current. `prefer-offline`: a copy is good enough whatever its age, and
 * only what is missing is asked for. `offline`: no packet leaves.
 */
export const NETWORK_MODES = ['online', 'prefer-offline', 'offline'] as const
export type NetworkMode = (typeof NETWORK_MODES)[number]

const SETTING = 'network-mode'

/** The network modes, shared by every process on the same data: a server follows a change with its next question. */
export class Network {
  readonly #sql: Sql
  readonly #fixed: NetworkMode | undefined
  readonly #configured: ReadonlyMap<string, NetworkMode>
  readonly #query: CompiledQuery<{ value: string }>

  /**
   * @param fixed the mode whatever is stored
   * @param configured by the upstream's address: no mode less strict than this
   */
  constructor(sql: Sql, fixed?: NetworkMode, configured: ReadonlyMap<string, NetworkMode> = new Map()) {
    this.#sql = sql
    this.#fixed = fixed
    this.#configured = configured
    this.#query = settingByName(sql.read)
  }

  /** The mode for an upstream by its address: the strictest of its own and everybody's. Without an address, everybody's. */
  async mode(upstream?: string): Promise<NetworkMode> {
    if (this.#fixed) return this.#fixed
    const settings = upstream ? [SETTING, settingOf(upstream)] : [SETTING]
    const modes = await Promise.all(settings.map((setting) => this.#stored(setting)))
    const least = NETWORK_MODES.indexOf(this.#configured.get(upstream ?? '') ?? 'online')
    return NETWORK_MODES[Math.max(least, ...modes)] ?? 'online'
  }

  async isOffline(upstream?: string): Promise<boolean> {
    return (await this.mode(upstream)) === 'offline'
  }

  /** For every process from now on, but those whose mode is fixed; for one upstream by its address, or for all. */
  async change(mode: NetworkMode, upstream?: string): Promise<void> {
    const name = upstream === undefined ? SETTING : settingOf(upstream)
    await this.#sql.transaction((tx) => upsertSetting(tx, { name, value: mode }))
  }

  /** Its place among NETWORK_MODES. */
  async #stored(setting: string): Promise<number> {
    const row = await this.#sql.first(this.#query, [setting])
    const modes: readonly string[] = NETWORK_MODES
    return Math.max(0, modes.indexOf(row?.value ?? ''))
  }
}

const settingOf = (upstream: string) => `${SETTING}:${upstream}`
