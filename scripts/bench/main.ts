import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import manifest from '../../package.json' with { type: 'json' }
import { type Case, compare, median } from './compare.ts'
import { huge } from './huge.ts'
import { installing } from './installing.ts'
import { load } from './load.ts'
import { type Command, pinSelf, type Started, startServer } from './process.ts'
import { publishing, seed } from './publishing.ts'
import { replay } from './replay.ts'
import { newUser, startVerdaccio } from './rivals.ts'
import { searching } from './search.ts'
import type { Target } from './seed.ts'
import { soak } from './soak.ts'

const PARTS = ['start', 'requests', 'publish', 'replay', 'install', 'search', 'huge', 'soak'] as const
/** Those that are over soon. */
const USUAL = PARTS.filter((part) => part !== 'soak')
type Part = (typeof PARTS)[number]

const help = `npm run bench -- [--seconds 1] [--turns 9] [--runs 3] [--connections 16] [--versions 1500] [--packages 10000]
                 [--only ${PARTS.join(',')}] [--minutes 10]
                 [--executable FILE] [--nginx] [--verdaccio FOLDER]

Measures this registry (or its executable) beside a bare node:http server that sends the same bytes, on the same core, in turns. With
--nginx, nginx sends the same bytes from files, too, and a real npm installs through the registry and straight from nginx; with
--verdaccio, the verdaccio installed in FOLDER holds the same packages.
What counts are the ratios: ours by theirs. Everything runs on loopback in a temporary folder.`

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '1' },
    turns: { type: 'string', default: '9' },
    runs: { type: 'string', default: '3' },
    connections: { type: 'string', default: '16' },
    versions: { type: 'string', default: '1500' },
    packages: { type: 'string', default: '10000' },
    only: { type: 'string', default: USUAL.join(',') },
    minutes: { type: 'string', default: '10' },
    executable: { type: 'string' },
    nginx: { type: 'boolean', default: false },
    verdaccio: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const SILENT = { LOG_LEVEL: 'silent', LOG_FORMAT: 'json' }
const SHORT = 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*'
const LARGE_PATH = '/bench-large'
const LARGE = { size: 1_000_000, count: 96, atOnce: 16 }

/** As many as ask at once for one large document. */
const CROWD = 64

async function bench(): Promise<void> {
  const parts = chosenParts()
  const folder = mkdtempSync(join(tmpdir(), 'entropic-bench-'))
  pinSelf()
  const program = values.executable === undefined ? fromCheckout() : [values.executable]
  const data = ['--cache-dir', join(folder, 'data')]
  const serve = (cacheDir: string, upstream: string): Command => ({
    command: [...program, 'serve', '--port', '0', '--cache-dir', cacheDir],
    env: { ...SILENT, UPSTREAM: upstream },
  })
  const alone = serve(join(folder, 'data'), 'none')
  await using opened = new AsyncDisposableStack()
  opened.defer(() => rmSync(folder, { recursive: true }))
  if (parts.has('start')) await coldStart(alone, 'start')
  const token = makeToken(program, data)
  const ours = await startServer(alone)
  opened.defer(() => ours.stop())
  console.log(`memory idle: ${mib(ours.memory())}`)
  const target = { url: ours.url, token }
  if (parts.has('requests')) await requests(ours, { target, parts, folder, opened })
  if (parts.has('publish')) {
    await publishing(target, { size: 1000, count: 200, atOnce: 8 })
    await publishing(target, LARGE)
  }
  if (parts.has('replay')) await replay(target)
  if (parts.has('install') && values.nginx) await installing({ serve, folder, runs: Number(values.runs) })
  if (parts.has('huge')) await huge(ours, { token, folder })
  if (parts.has('soak')) await soak(ours, { token, folder, minutes: Number(values.minutes) })
  if (parts.has('search')) {
    await searching(target, Number(values.packages))
    await ours.stop() // nothing else is to keep the core busy
    await coldStart(alone, `start with ${values.packages} packages stored`)
  }
}

/** As `npm start` runs it. */
function fromCheckout(): string[] {
  const flags = manifest.scripts.start.split(' ').filter((word) => word.startsWith('--'))
  return [process.execPath, ...flags, join(import.meta.dirname, '../entropic.mjs')]
}

/** The parts that --only names. */
function chosenParts(): ReadonlySet<Part> {
  const chosen = values.only.split(',')
  const isPart = (word: string): word is Part => PARTS.some((part) => part === word)
  const wrong = chosen.find((word) => !isPart(word))
  if (wrong !== undefined) throw new Error(`--only: "${wrong}" is none of ${PARTS.join(', ')}`)
  return new Set(chosen.filter(isPart))
}

/** Every kind of request, beside the others; then many clients that want one large document at once. */
async function requests(
  ours: Started,
  {
    target,
    parts,
    folder,
    opened,
  }: { target: Target; parts: ReadonlySet<Part>; folder: string; opened: AsyncDisposableStack },
): Promise<void> {
  await seed(target, Number(values.versions))
  const verdaccio = await besideVerdaccio(folder, { parts, opened })
  const effort = {
    runs: Number(values.turns),
    connections: Number(values.connections),
    seconds: Number(values.seconds),
  }
  const all = cases(target.token)
  for (const one of all) await compare(one, { ours, verdaccio, withNginx: values.nginx, folder, effort })
  const large = all.find(({ path }) => path === LARGE_PATH)
  if (!large) return
  for (const [label, server] of Object.entries({ entropic: ours, verdaccio })) {
    if (!server) continue
    server.peakMemory()
    await load({ ...large, url: server.url + large.path, connections: CROWD, seconds: effort.seconds })
    const { peak, now } = { peak: mib(server.peakMemory()), now: mib(server.memory()) }
    console.log(`${CROWD} clients at the large packument: ${label} ${peak} at most, ${now} after`)
  }
}

/** verdaccio with the same packages, where it is asked for. */
async function besideVerdaccio(
  folder: string,
  { parts, opened }: { parts: ReadonlySet<Part>; opened: AsyncDisposableStack },
): Promise<Started | undefined> {
  if (values.verdaccio === undefined) return undefined
  const server = await startVerdaccio(folder, values.verdaccio)
  opened.defer(() => server.stop())
  console.log(`verdaccio, memory idle: ${mib(server.memory())}`)
  const target: Target = { url: server.url, token: await newUser(server.url, 'bench') }
  console.log('verdaccio:')
  await seed(target, Number(values.versions))
  if (parts.has('publish')) await publishing(target, LARGE)
  if (parts.has('replay')) await replay(target)
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
    { name: `packument, ${values.versions} versions, gzip`, path: LARGE_PATH, headers: short },
    { name: 'tarball 10 KB', path: '/bench-10k/-/bench-10k-1.0.0.tgz', headers: {} },
    { name: 'tarball 1 MB', path: '/bench-1m/-/bench-1m-1.0.0.tgz', headers: {} },
    { name: 'tarball 20 MB', path: '/bench-20m/-/bench-20m-1.0.0.tgz', headers: {} },
  ]
}

async function coldStart(serve: Command, name: string): Promise<void> {
  const times: number[] = []
  let memory: number | undefined
  for (let run = 0; run < Number(values.runs) + 1; run++) {
    const server = await startServer(serve)
    times.push(server.readyAfter)
    memory = server.memory()
    await server.stop()
  }
  const [first = 0, ...rest] = times
  console.log(
    `${name}: listening after ${Math.round(first)} ms the first time, then ${Math.round(median(rest))} ms; ${mib(memory)}`,
  )
}

function makeToken(program: readonly string[], data: readonly string[]): string {
  const [command = '', ...before] = program
  const run = (...args: readonly string[]) =>
    execFileSync(command, [...before, ...args, ...data], { input: 'bench-password\n', encoding: 'utf8' })
  run('migrate') // makes the folder
  run('user', 'add', 'bench', '--password-stdin')
  return run('token', 'create', 'bench').trim()
}

function mib(memory: number | undefined): string {
  return memory === undefined ? 'unknown' : `${Math.round(memory)} MiB`
}

if (values.help) console.log(help)
else await bench()
