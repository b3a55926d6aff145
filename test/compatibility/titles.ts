import type { ClientName } from '../clients/client.ts'

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

const TITLE = /^(\d+): (.*) \[([a-z]+(?:@\d+)?)\]$/

/** What the test of a row with one client is called. */
export function titleOf(number: number, statement: string, client: ClientName): string {
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
