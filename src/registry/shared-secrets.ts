import type { Sql, Tx } from '../storage/sql/database.ts'
import { insertSettingOnce, lockSetting, settingByName, upsertSetting } from '../storage/tables/settings.ts'
import type { Sealer } from './seal.ts'

/** What `name` opens to was sealed by somebody with another key. */
export class SealedOtherwise extends Error {}

/**
 * Secrets that all servers of one database have in common. They lie in it sealed, so that neither the database nor a copy of it gives them away.
 */
export class SharedSecrets {
  readonly #sql: Sql
  readonly #sealer: Sealer

  constructor(sql: Sql, sealer: Sealer) {
    this.#sql = sql
    this.#sealer = sealer
  }

  /** The secret `name`; what `make` gives where there is none yet. However many servers ask at once, all get the first one's. */
  async kept(name: string, make: () => Promise<string>): Promise<string> {
    const known = await this.#sql.first(settingByName(this.#sql.read), [settingOf(name)])
    if (known) return this.#open(name, known.value)
    const value = this.#sealer.seal(await make())
    return this.#sql.transaction(async (tx) => {
      await insertSettingOnce(tx, { name: settingOf(name), value })
      return this.#openIn(tx, name)
    })
  }

  /** Puts what `change` makes of a kept secret in its place; resolves to it. Two who change at once do so one after the other. */
  async change(name: string, change: (secret: string) => string): Promise<string> {
    return this.#sql.transaction(async (tx) => {
      const changed = change(await this.#openIn(tx, name))
      await upsertSetting(tx, { name: settingOf(name), value: this.#sealer.seal(changed) })
      return changed
    })
  }

  async #openIn(tx: Tx, name: string): Promise<string> {
    return this.#open(name, (await lockSetting(tx, settingOf(name))) ?? '')
  }

  #open(name: string, sealed: string): string {
    const secret = this.#sealer.open(sealed)
    if (secret === undefined) throw new SealedOtherwise(`The secret ${name} was sealed with another key.`)
    return secret
  }
}

const settingOf = (name: string) => `secret:${name}`
