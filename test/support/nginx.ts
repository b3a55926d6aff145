import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from './temporary-folder.ts'

const NGINX = '/usr/sbin/nginx'
const SHIPPED = join(import.meta.dirname, '../../deploy/nginx.conf')

const missing = existsSync(NGINX) ? undefined : `${NGINX} is not installed`
if (missing !== undefined && process.env.REQUIRE_ALL === '1') throw new Error(missing)
if (missing !== undefined) console.warn(`skipped – ${missing} (Debian: apt-get install nginx-light)`)

/** Whether tests behind nginx must be skipped here; why is on the console. */
export const noNginx = missing !== undefined

/** What is behind the proxy. */
export type Behind = {
  /** `/`, or a path that ends with a slash. */
  readonly path: string
  /** Addresses of the servers. */
  readonly servers: readonly string[]
  /** The path is taken off on the way; else it is left on. */
  readonly takenOff?: boolean
}

export type Proxy = AsyncDisposable & { readonly url: string }

/** nginx on this port of 127.0.0.1, with the configuration we ship and nothing changed in it but where everything is. */
export async function startNginx(port: number, places: readonly Behind[]): Promise<Proxy> {
  const folder = await temporaryFolder()
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((it) => `${it}_temp_path ${join(folder.path, it)};`)
    .join(' ')
  const text = configuration(await readFile(SHIPPED, 'utf8'), places)
    .replace('listen 80;', `listen 127.0.0.1:${port};`)
    .replace('http {', `http { access_log off; ${temporary}`)
  const file = join(folder.path, 'nginx.conf')
  await writeFile(file, `daemon off; master_process off; pid ${join(folder.path, 'pid')};\n${text}`)
  const child = spawn(NGINX, ['-e', 'stderr', '-p', folder.path, '-c', file], { stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}`
  await answering(url, child)
  return {
    url,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once('close', resolve))
      child.kill()
      await ended
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** An upstream and a location of the shipped ones for each. */
function configuration(shipped: string, places: readonly Behind[]): string {
  const each = (write: (place: Behind, name: string) => string) =>
    places.map((place, at) => write(place, `registry${at}`)).join('\n')
  return shipped
    .replace(/server one:3000( [^;]*)?;\s+server two:3000\1;/, 'SERVERS$1')
    .replace(/upstream registry \{[^}]*\}/, (block) =>
      each(({ servers }, name) => {
        const lines = (more: string) => servers.map((url) => `server ${new URL(url).host}${more};`).join(' ')
        return block
          .replace('upstream registry', `upstream ${name}`)
          .replace(/SERVERS(.*)/, (_, more: string) => lines(more))
      }),
    )
    .replace(/location \/ \{[^}]*\}/, (block) =>
      each(({ path, takenOff }, name) =>
        block
          .replace('location /', `location ${path}`)
          .replace('http://registry;', `http://${name}${takenOff ? '/' : ''};`),
      ),
    )
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}`)
  const answer = await fetch(`${url}/-/ping`).catch(() => undefined)
  if (!answer) return answering(url, child)
}
