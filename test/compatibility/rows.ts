import { test } from 'vitest'
import { type ClientName, isInstalled } from '../clients/client.ts'
import { Stage } from './stage.ts'
import { titleOf } from './titles.ts'

export { ALL, NPM, PNPM } from './titles.ts'

export type Row = {
  /** Its number in the table; rows are never renumbered. */
  readonly number: number
  readonly statement: string
  readonly clients: readonly ClientName[]
}

/**
 * A line of the compatibility table: something the registry does for these clients, judged by running each of them. An ordinary
 * run takes one client a row, another one from row to row; EVERY_CLIENT=1 takes all.
 */
export function row(
  { number, statement, clients }: Row,
  check: (stage: Stage, client: ClientName) => Promise<void>,
): void {
  for (const client of chosen(number, clients))
    test.skipIf(!isInstalled(client) && process.env.REQUIRE_ALL === undefined)(
      titleOf(number, statement, client),
      // A client at a terminal may throw away what was typed before it listened: it is then asked once more, from the start.
      { timeout: 60_000, retry: 1 },
      async () => {
        await using stage = await Stage.open()
        await check(stage, client)
      },
    )
}

function chosen(number: number, clients: readonly ClientName[]): readonly ClientName[] {
  const here = process.env.EVERY_CLIENT === '1' ? clients : [clients[number % clients.length]]
  return here.filter((client) => client !== undefined)
}
