import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Reporter, TestModule } from 'vitest/node'
import type { ClientName } from '../clients/client.ts'
import { ALL, parseTitle } from './titles.ts'

const FILE = join(import.meta.dirname, '../../docs/npm-compatibility.md')

const INTRODUCTION = `# What works with which npm client

Each line is a test of \`test/compatibility\` that runs the client itself against this registry. \`npm run compatibility\` runs
all of them and writes this page anew.

✓ seen to work · ✗ failed · blank: the client has no such thing
`

type Cell = '✓' | '✗'
type Line = { readonly statement: string; readonly cells: Map<ClientName, Cell> }

/** A reporter that writes the compatibility table from the tests of one run over every client. */
export default class Table implements Reporter {
  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const lines = new Map<number, Line>()
    for (const module of modules)
      for (const test of module.children.allTests()) {
        const row = parseTitle(test.name)
        if (!row) continue
        const line = lines.get(row.number) ?? { statement: row.statement, cells: new Map() }
        line.cells.set(row.client, test.result().state === 'passed' ? '✓' : '✗')
        lines.set(row.number, line)
      }
    await writeFile(FILE, `${INTRODUCTION}\n${render(lines)}\n`)
  }
}

function render(lines: ReadonlyMap<number, Line>): string {
  const rule = ['---:', '---', ...ALL.map(() => ':-:')]
  const rows = [...lines].sort(([a], [b]) => a - b).map(([number, line]) => rowOf(number, line))
  return [['', 'What holds', ...ALL.map(headingOf)], rule, ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

function rowOf(number: number, { statement, cells }: Line): string[] {
  return [String(number), statement, ...ALL.map((client) => cells.get(client) ?? '')]
}

/** The majors that stand without one in a client's name. */
function headingOf(client: ClientName): string {
  const headings: Partial<Record<ClientName, string>> = {
    npm: 'npm@11',
    pnpm: 'pnpm@11',
    yarn: 'yarn@1',
    berry: 'yarn@4',
    bun: 'bun@1',
  }
  return (headings[client] ?? client).replace('@', ' ')
}
