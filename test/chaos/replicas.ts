import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { S3Address } from '../../src/storage/blobs/s3-client.ts'
import { cutPower } from '../support/cut-power.ts'
import { environment, PROGRAM, SCRIPT } from '../support/server-process.ts'
import {
  freePort,
  type Restartable,
  type Server,
  serverOf,
  startPostgres,
  startRedis,
} from '../support/servers.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Several replicas of the registry behind nginx, over Postgres, Redis and a shared folder of blobs, or S3 and no folder in common. */
export type Replicas = AsyncDisposable & {
  /** Of nginx. */
  readonly url: string
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
  readonly postgres: Restartable
  readonly redis: Restartable
  readonly all: readonly Replica[]
}

/** One process of the registry on a port of its own, to be killed and started again. */
export class Replica implements AsyncDisposable {
  readonly port: number
  readonly #command: readonly string[]
  readonly #environment: Readonly<Record<string, string>>
  #child: ChildProcess | undefined

  constructor(port: number, folder: string, settings: Readonly<Record<string, string>>) {
    this.port = port
    this.#command = [...SCRIPT, 'serve', '--port', `${port}`, '--cache-dir', folder, '--upstream', 'none']
    this.#environment = settings
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Resolves when it listens; tries again where what it needs is away for the moment. */
  async start(): Promise<void> {
    const child = spawn(PROGRAM, this.#command, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...environment(), ...this.#environment },
    })
    this.#child = child
    for await (const line of createInterface({ input: child.stdout })) {
      if (!line.includes('listening on')) continue
      child.stdout.resume()
      return
    }
    return this.start()
  }

  /** Ends it as a power cut would. */
  kill(): Promise<void> {
    return cutPower(this.#child)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}

/** Starts them; disposing ends them and all they stand on. */
export async function startReplicas(count: number, s3?: S3Address): Promise<Replicas> {
  await using opening = new AsyncDisposableStack()
  const data = opening.use(await temporaryFolder())
  const postgres = opening.adopt(await startPostgres(), (it) => it.stop())
  const redis = opening.adopt(await startRedis(), (it) => it.stop())
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const settings = {
    POSTGRES_URL: postgres.url,
    REDIS_URL: redis.url,
    EXTERNAL_HOST: url,
    TRUST_PROXY: 'true',
    ...(s3 && settingsOf(s3)),
  }
  const all: Replica[] = []
  for (let n = 0; n < count; n++) {
    const replica = opening.use(
      new Replica(await freePort(), s3 ? join(data.path, `${n}`) : data.path, settings),
    )
    all.push(replica)
  }
  await Promise.all(all.map((replica) => replica.start()))
  opening.adopt(await startNginx(port, all), (it) => it.stop())
  const opened = opening.move()
  return {
    url,
    folder: s3 ? join(data.path, '0') : data.path,
    environment: settings,
    postgres,
    redis,
    all,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** What replicas need that have nothing but S3 and the database in common. */
function settingsOf({ endpoint, bucket, prefix, accessKeyId, secretAccessKey }: S3Address) {
  return {
    S3_ENDPOINT: endpoint,
    S3_BUCKET: bucket,
    S3_PREFIX: prefix,
    S3_ACCESS_KEY_ID: accessKeyId,
    S3_SECRET_ACCESS_KEY: secretAccessKey,
    OAUTH_PASSWORD: 'the same for all of the replicas of a storm',
  }
}

async function startNginx(port: number, replicas: readonly Replica[]): Promise<Server> {
  const folder = (await temporaryFolder()).path
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => {
    return `${kind}_temp_path ${join(folder, kind)};`
  })
  const text = `
daemon off; master_process off; pid ${join(folder, 'pid')}; error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off; client_max_body_size 0; ${temporary.join(' ')}
  upstream registry {
    ${replicas.map((replica) => `server 127.0.0.1:${replica.port} max_fails=1 fail_timeout=1s;`).join('\n    ')}
    keepalive 64;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://registry;
      proxy_http_version 1.1; proxy_set_header Connection '';
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`
  const file = join(folder, 'nginx.conf')
  await mkdir(folder, { recursive: true })
  await writeFile(file, text)
  const server = spawn('/usr/sbin/nginx', ['-e', 'stderr', '-p', folder, '-c', file, '-g', ''], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  return serverOf(server, { folder, url: `http://127.0.0.1:${port}`, ready: '' }, answering(port))
}

/** Resolves when somebody accepts connections there. */
async function answering(port: number): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/-/ping`).catch(() => undefined)
  if (!answer) return answering(port)
}
