import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { load } from '../bench/load.ts'
import { type Command, pinSelf, type Started, startServer } from '../bench/process.ts'
import { publish, type Target, tarball } from '../bench/seed.ts'
import { Copies } from './copies.ts'

const help = `npm run scale -- [--sizes 1000,10000,100000,1000000] [--versions 10,100,1000,10000] [--clients 1,16,64,256]

Measures how cost grows: with all versions stored (ten a package), with the versions of one package, and with clients. Prints tables in
Markdown. Runs on loopback in a temporary folder, which a million versions fill with some 6 GB.`

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,10000,100000,1000000' },
    versions: { type: 'string', default: '10,100,1000,10000' },
    clients: { type: 'string', default: '1,16,64,256' },
    help: { type: 'boolean', default: false },
  },
})

const SEED = 'scale-seed'
const VERSIONS_EACH = 10
/** Requests behind one figure. */
const SAMPLES = 200
const SHORT = { accept: 'application/vnd.npm.install-v1+json', 'accept-encoding': 'gzip' }
const agent = new Agent({ keepAlive: true })
const ENTROPIC = join(import.meta.dirname, '../entropic.mjs')

type Figures = { readonly p50: number; readonly p99: number }

async function main(): Promise<void> {
  pinSelf()
  const folder = mkdtempSync(join(tmpdir(), 'entropic-scale-'))
  await using opened = new AsyncDisposableStack()
  opened.defer(() => rmSync(folder, { recursive: true }))
  const database = join(folder, 'entropic.db')
  const serve: Command = {
    command: [process.execPath, ENTROPIC, 'serve', '--port', '0', '--cache-dir', folder],
    env: { LOG_LEVEL: 'silent', LOG_FORMAT: 'json', UPSTREAM: 'none' },
  }
  const token = makeToken(folder)
  await withServer(serve, async (server) => {
    const target = { url: server.url, token }
    for (let n = 0; n < VERSIONS_EACH; n++) await release(target, SEED, `1.${n}.0`)
    await (await fetch(`${server.url}/-/v1/search?text=${SEED}`)).arrayBuffer() // now it is indexed
  })
  await bySize({ database, serve, token })
  await byVersions({ database, serve, token })
  await byClients(serve)
}

async function bySize({ database, serve, token }: { database: string; serve: Command; token: string }) {
  console.log(
    row(
      'versions stored',
      'start, ms',
      'memory, MiB',
      'database, MB',
      'packument, first, ms',
      'again',
      'publish, ms',
      'new package',
      'search, common word',
      'rare word',
    ),
  )
  console.log(row(...Array.from({ length: 10 }, () => '---:')))
  let made = 0
  for (const size of numbers(values.sizes)) {
    const packages = Math.ceil(size / VERSIONS_EACH)
    copying(database, (copies) => copies.make(made, packages))
    made = packages
    await withServer(serve, async (server) => {
      const memory = server.memory() ?? 0
      const target = { url: server.url, token }
      const any = () => Copies.nameOf(Math.floor(Math.random() * packages))
      const names = Array.from({ length: SAMPLES }, any)
      const read = () => timed(names, (name) => get(`${server.url}/${name}`, SHORT))
      const [first, again] = [await read(), await read()]
      const fresh = [...new Set(names)].slice(0, SAMPLES / 2)
      const next = await timed(fresh, (name) => release(target, name, `3.${size}.0`))
      const born = await timed(fresh, (name) => release(target, `born-${size}-${name}`, '1.0.0'))
      const search = (text: string) =>
        timed(names.slice(0, 50), () => get(`${server.url}/-/v1/search?size=20&text=${text}`, {}))
      await search('w400')
      const [common, rare] = [await search('w2'), await search('w400')]
      const megabytes = Math.round(statSync(database).size / 1e6)
      console.log(
        row(
          size,
          Math.round(server.readyAfter),
          Math.round(memory),
          megabytes,
          ...[first, again, next, born, common, rare].map(said),
        ),
      )
    })
  }
}

async function byVersions({ database, serve, token }: { database: string; serve: Command; token: string }) {
  console.log(
    `\n${row('versions of one package', 'packument, KB gzipped', 'first, ms', 'again', 'publish of one more, ms')}`,
  )
  console.log(row(...Array.from({ length: 5 }, () => '---:')))
  for (const [index, versions] of numbers(values.versions).entries()) {
    const name = Copies.nameOf(index)
    copying(database, (copies) => copies.grow(index, versions))
    await withServer(serve, async (server) => {
      const url = `${server.url}/${name}`
      const begin = performance.now()
      const size = await get(url, SHORT)
      const first = performance.now() - begin
      const again = await timed(Array.from({ length: SAMPLES }), () => get(url, SHORT))
      const more = Array.from({ length: 50 }, (_, n) => `4.${n}.0`)
      const published = await timed(more, (version) => release({ url: server.url, token }, name, version))
      console.log(row(versions, Math.round(size / 1000), first.toFixed(1), said(again), said(published)))
    })
  }
}

async function byClients(serve: Command): Promise<void> {
  console.log(`\n${row('clients at once', 'packuments a second', 'p50, ms', 'p99, ms')}`)
  console.log(row(...Array.from({ length: 4 }, () => '---:')))
  await withServer(serve, async (server) => {
    const url = `${server.url}/${Copies.nameOf(numbers(values.versions).length)}`
    await load({ url, headers: SHORT, connections: 16, seconds: 2 })
    for (const connections of numbers(values.clients)) {
      const { rate, p50, p99 } = await load({ url, headers: SHORT, connections, seconds: 3 })
      console.log(row(connections, Math.round(rate), p50.toFixed(2), p99.toFixed(2)))
    }
    console.log(`\nmemory after that: ${Math.round(server.memory() ?? 0)} MiB`)
  })
}

function copying(database: string, work: (copies: Copies) => void): void {
  const copies = new Copies(database, { name: SEED })
  work(copies)
  copies.close()
}

async function withServer(serve: Command, work: (server: Started) => Promise<void>): Promise<void> {
  const server = await startServer(serve)
  try {
    await work(server)
  } finally {
    await server.stop()
  }
}

async function timed<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<Figures> {
  const times: number[] = []
  for (const item of items) {
    const begin = performance.now()
    await work(item)
    times.push(performance.now() - begin)
  }
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor((times.length - 1) * share)] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99) }
}

/** Bytes of the body as they came: unpacking them is the client's work. */
function get(url: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    request(url, { headers, agent }, async (response) => {
      const chunks = await Array.fromAsync<Buffer>(response)
      if (response.statusCode !== 200) return reject(new Error(`${url}: ${response.statusCode}`))
      resolve(chunks.reduce((sum, { length }) => sum + length, 0))
    })
      .once('error', reject)
      .end()
  })
}

async function release(target: Target, name: string, version: string): Promise<void> {
  await publish(target, name, { version, bytes: await tarball(name, version, 500) })
}

function makeToken(folder: string): string {
  const run = (...args: readonly string[]) =>
    execFileSync(process.execPath, [ENTROPIC, ...args, '--cache-dir', folder], {
      input: 'scale-password\n',
      encoding: 'utf8',
    })
  run('migrate') // makes the folder
  run('user', 'add', 'scale', '--password-stdin')
  return run('token', 'create', 'scale').trim()
}

const said = ({ p50, p99 }: Figures) => `${p50.toFixed(1)} / ${p99.toFixed(1)}`
const row = (...cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
const numbers = (list: string) => list.split(',').map(Number)

if (values.help) console.log(help)
else await main()
