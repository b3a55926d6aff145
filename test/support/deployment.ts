import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { parse } from 'yaml'
import { cutPower } from './cut-power.ts'
import { s3Address } from './s3.ts'
import { freePort } from './servers.ts'
import { postgresUrl, redisUrl } from './services.ts'
import { temporaryFolder } from './temporary-folder.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

type Environment = Readonly<Record<string, string>>
type Compose = {
  readonly services: Readonly<
    Record<string, { readonly environment?: Environment; readonly restart?: string }>
  >
}

/** What the image is, as the Dockerfile says: its variables, what it runs and how it is asked for its health. */
export const image = {
  environment: Object.fromEntries(
    [...line('ENV').matchAll(/(\w+)=(\S+)/g)].map(([, name = '', value = '']): [string, string] => [
      name,
      value,
    ]),
  ),
  command: words(line('CMD')),
  healthCheck: words(line('HEALTHCHECK').replace(/^CMD /, '')),
}

/** The services of deploy/docker-compose.yml, with these variables and none besides filled in. */
export function composeServices(variables: Environment): Compose['services'] {
  // Written by us, and by whoever reads the file with a schema.
  const { services } = parse(interpolated(read('deploy/docker-compose.yml'), variables), {
    merge: true,
  }) as Compose
  return services
}

/** `${NAME}`, `${NAME:-otherwise}` and `${NAME:?}`, as Compose reads them. */
function interpolated(text: string, variables: Environment): string {
  return text.replace(
    /\$\{(\w+)(:[-?])?([^}]*)\}/g,
    (_, name: string, kind: string | undefined, otherwise: string) => {
      const value = variables[name]
      if (value === undefined && kind === ':?') throw new Error(`${name} must be set`)
      return value ?? (kind === ':-' ? otherwise : '')
    },
  )
}

/** The last such instruction of the Dockerfile, without its name. */
function line(instruction: string): string {
  const found = [...read('Dockerfile').matchAll(new RegExp(`^${instruction} (.*)$`, 'gm'))].at(-1)?.[1]
  if (found === undefined) throw new Error(`the Dockerfile has no ${instruction}`)
  return found
}

function words(json: string): readonly [string, ...string[]] {
  return JSON.parse(json) as [string, ...string[]] // a list of words, by what a Dockerfile is
}

/** The service's replicas as Compose starts them, but on loopback and beside the servers of the test run instead of those it starts. */
export async function startReplicas(
  variables: Environment,
): Promise<AsyncDisposable & { replicas: [Replica, Replica] }> {
  await using opening = new AsyncDisposableStack()
  const { one, two } = composeServices(variables)
  const there = await places()
  const open = async (environment: Environment = {}) => {
    const { path: folder } = opening.use(await temporaryFolder())
    for (const name of Object.keys(there))
      if (!(name in environment)) throw new Error(`${name} is not set any more`)
    const own = { HOST: '127.0.0.1', PORT: `${await freePort()}`, CACHE_DIR: folder, UPSTREAM: 'none' }
    const replica = opening.use(new Replica({ ...image.environment, ...environment, ...there, ...own }))
    await replica.start()
    return replica
  }
  const replicas = await Promise.all([open(one?.environment), open(two?.environment)])
  const opened = opening.move()
  return { replicas, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

/** What stands for the other services, as the variables that lead there. */
async function places(): Promise<Environment> {
  const [postgres, redis, s3] = await Promise.all([postgresUrl(), redisUrl(), s3Address()])
  return {
    POSTGRES_URL: postgres ?? '',
    REDIS_URL: redis ?? '',
    S3_ENDPOINT: s3.endpoint,
    S3_BUCKET: s3.bucket,
    S3_ACCESS_KEY_ID: s3.accessKeyId,
    S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
  }
}

/** A container without its walls: the image's command, with no variable of the surroundings but the path. */
export class Replica implements AsyncDisposable {
  readonly url: string
  readonly #environment: Environment
  #child: ChildProcess | undefined

  constructor(environment: Environment) {
    this.url = `http://${environment.HOST}:${environment.PORT}`
    this.#environment = { PATH: process.env.PATH ?? '', LOG_LEVEL: 'error', ...environment }
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const child = this.#spawn(image.command)
    this.#child = child
    for await (const line of createInterface({ input: child.stdout }))
      if (line.includes('listening on')) return void child.stdout.resume()
    throw new Error(`the replica ended with ${child.exitCode}`)
  }

  /** Runs a command in there, and resolves with what it prints. */
  async run(command: readonly string[], input = ''): Promise<string> {
    const child = this.#spawn([...image.command, ...command])
    child.stdin.end(input)
    const [printed] = await Promise.all([text(child.stdout), once(child, 'close')])
    if (child.exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${child.exitCode}`)
    return printed.trim()
  }

  /** Asks it as Docker does; 0 is healthy. */
  async health(): Promise<number | null> {
    const child = this.#spawn(image.healthCheck)
    await once(child, 'close')
    return child.exitCode
  }

  /** Ends it as a power cut would. */
  kill(): Promise<void> {
    return cutPower(this.#child)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  #spawn([program, ...args]: readonly string[]) {
    const node = program === 'node' ? process.execPath : `${program}`
    return spawn(node, args, { cwd: root, env: this.#environment, stdio: ['pipe', 'pipe', 'inherit'] })
  }
}
