import { test } from 'vitest'
import { type ClientName, isInstalled } from '../clients/client.ts'
import { Stage } from './stage.ts'

/** Every client these rows know, oldest version of each first. */
export const ALL: readonly ClientName[] = [
  'npm@10',
  'npm',
  'npm@12',
  'pnpm@10',
  'pnpm',
  'pnpm@12',
  'yarn',
  'berry',
  'bun',
]
export const NPM: readonly ClientName[] = ['npm@10', 'npm', 'npm@12']
export const PNPM: readonly ClientName[] = ['pnpm@10', 'pnpm', 'pnpm@12']

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

const TITLE = /^(\d+): (.*) \[([a-z]+(?:@\d+)?)\]$/

function titleOf(number: number, statement: string, client: ClientName): string {
  return `${number}: ${statement} [${client}]`
}

/** What a test's title says, or undefined where it is no row's. */
export function parseTitle(
  title: string,
): { number: number; statement: string; client: ClientName } | undefined {
  const [, number, statement, client] = TITLE.exec(title) ?? []
  if (number === undefined || statement === undefined) return undefined
  return { number: Number(number), statement, client: client as ClientName } // titleOf wrote it
}

function chosen(number: number, clients: readonly ClientName[]): readonly ClientName[] {
  const here = process.env.EVERY_CLIENT === '1' ? clients : [clients[number % clients.length]]
  return here.filter((client) => client !== undefined)
}
