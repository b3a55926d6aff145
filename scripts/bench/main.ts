import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Case, compare, median } from './compare.ts'
import { type Command, pinSelf, type Started, startServer } from './process.ts'
import { publishing, seed } from './publishing.ts'
import { replay } from './replay.ts'
import { newUser, startVerdaccio } from './rivals.ts'
import { searching } from './search.ts'
import type { Target } from './seed.ts'

const help = `npm run bench -- [--seconds 2] [--runs 3] [--connections 16] [--versions 1500] [--packages 10000]
                 [--executable FILE] [--nginx] [--verdaccio FOLDER]

Measures this registry (or its executable) beside a bare node:http server that sends the same bytes, on the same core, in turns. With
--nginx, nginx sends the same bytes from files, too; with --verdaccio, the verdaccio installed in FOLDER holds the same packages.
What counts are the ratios: ours by theirs. Everything runs on loopback in a temporary folder.`

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    runs: { type: 'string', default: '3' },
    connections: { type: 'string', default: '16' },
    versions: { type: 'string', default: '1500' },
    packages: { type: 'string', default: '10000' },
    executable: { type: 'string' },
    nginx: { type: 'boolean', default: false },
    verdaccio: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const SILENT = { LOG_LEVEL: 'silent', LOG_FORMAT: 'json', UPSTREAM: 'none' }
const SHORT = 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*'
const LARGE = { size: 1_000_000, count: 96, atOnce: 16 }

async function bench(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'entropic-bench-'))
  pinSelf()
  const program =
    values.executable === undefined
      ? [process.execPath, join(import.meta.dirname, '../entropic.mjs')]
      : [values.executable]
  const data = ['--cache-dir', join(folder, 'data')]
  const serve = { command: [...program, 'serve', '--port', '0', ...data], env: SILENT }
  await using opened = new AsyncDisposableStack()
  opened.defer(() => rmSync(folder, { recursive: true }))
  await coldStart(serve)
  const token = makeToken(program, data)
  const ours = await startServer(serve)
  opened.defer(() => ours.stop())
  console.log(`memory idle: ${mib(ours)}`)
  const target = { url: ours.url, token }
  await seed(target, Number(values.versions))
  const verdaccio = await besideVerdaccio(folder, opened)
  const effort = {
    runs: Number(values.runs),
    connections: Number(values.connections),
    seconds: Number(values.seconds),
  }
  for (const one of cases(token))
    await compare(one, { ours, verdaccio, withNginx: values.nginx, folder, effort })
  console.log(`memory after that load: ${mib(ours)}`)
  await publishing(target, { size: 1000, count: 200, atOnce: 8 })
  await publishing(target, LARGE)
  await replay(target)
  await searching(target, Number(values.packages))
  console.log(`memory after the load: ${mib(ours)}`)
  const again = await startServer({ ...serve, command: serve.command })
  console.log(
    `start with ${values.packages} packages stored: ${Math.round(again.readyAfter)} ms, ${mib(again)}`,
  )
  await again.stop()
}

/** verdaccio with the same packages, where it is asked for. */
async function besideVerdaccio(folder: string, opened: AsyncDisposableStack): Promise<Started | undefined> {
  if (values.verdaccio === undefined) return undefined
  const server = await startVerdaccio(folder, values.verdaccio)
  opened.defer(() => server.stop())
  console.log(`verdaccio, memory idle: ${mib(server)}`)
  const target: Target = { url: server.url, token: await newUser(server.url, 'bench') }
  console.log('verdaccio:')
  await seed(target, Number(values.versions))
  await publishing(target, LARGE)
  await replay(target)
  return server
}

function cases(token: string): Case[] {
  const short = { accept: SHORT, 'accept-encoding': 'gzip' }
  const full = { accept: 'application/json', 'accept-encoding': 'gzip' }
  const known = { authorization: `Bearer ${token}` }
  return [
    { name: 'packument, 12 versions, abbreviated', path: '/bench-small', headers: short },
    { name: 'the same, with a token', path: '/bench-small', headers: { ...short, ...known }, isOurs: true },
    { name: 'packument, 12 versions, full', path: '/bench-small', headers: full },
    { name: '304', path: '/bench-small', headers: { ...short, 'if-none-match': '*' }, isOurs: true },
    { name: `packument, ${values.versions} versions, gzip`, path: '/bench-large', headers: short },
    { name: 'tarball 10 KB', path: '/bench-10k/-/bench-10k-1.0.0.tgz', headers: {} },
    { name: 'tarball 1 MB', path: '/bench-1m/-/bench-1m-1.0.0.tgz', headers: {} },
    { name: 'tarball 20 MB', path: '/bench-20m/-/bench-20m-1.0.0.tgz', headers: {} },
  ]
}

async function coldStart(serve: Command): Promise<void> {
  const times: number[] = []
  for (let run = 0; run < Number(values.runs) + 1; run++) {
    const server = await startServer(serve)
    times.push(server.readyAfter)
    await server.stop()
  }
  const [first = 0, ...rest] = times
  console.log(`start to listening: first ${Math.round(first)} ms, then ${Math.round(median(rest))} ms`)
}

function makeToken(program: readonly string[], data: readonly string[]): string {
  const [command = '', ...before] = program
  const run = (...args: readonly string[]) =>
    execFileSync(command, [...before, ...args, ...data], { input: 'bench-password\n', encoding: 'utf8' })
  run('user', 'add', 'bench', '--password-stdin')
  return run('token', 'create', 'bench').trim()
}

function mib(server: Started): string {
  const memory = server.memory()
  return memory === undefined ? 'unknown' : `${Math.round(memory)} MiB`
}

if (values.help) console.log(help)
else await bench()
