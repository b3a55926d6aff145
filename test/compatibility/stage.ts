import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { Client, type ClientName } from '../clients/client.ts'
import { type TestApp, type TestAppOptions, testApp } from '../support/app.ts'
import type { NpmUser } from '../support/npm-user.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { type ScriptedPackages, type ScriptedUpstream, startUpstream } from '../support/upstream.ts'
import { Wire, type WireOptions } from './wire.ts'

export type Opened = { readonly app: TestApp; readonly wire: Wire; readonly kim: NpmUser }
export type ClientChoice = {
  /** Under the registry's address, `/npm` for one. */
  readonly path?: string
  readonly token?: string | undefined
}

export type RegistryChoice = TestAppOptions & { readonly wire?: WireOptions }

/** What one row plays on: registries, wires and clients, all gone when it ends. */
export class Stage implements AsyncDisposable {
  readonly folder: string
  readonly #things: AsyncDisposableStack

  private constructor(folder: string, things: AsyncDisposableStack) {
    this.folder = folder
    this.#things = things
  }

  static async open(): Promise<Stage> {
    const things = new AsyncDisposableStack()
    const { path } = things.use(await temporaryFolder())
    return new Stage(path, things)
  }

  /** An empty registry, a wire to it, and kim, who has an account. Mounted under a path, it is told its public address. */
  async registry({ wire: options = {}, ...rest }: RegistryChoice = {}): Promise<Opened> {
    const wire = this.#things.use(await Wire.open(options))
    const publicUrl = options.under === undefined ? {} : { publicUrl: wire.url }
    const app = this.#things.use(await testApp({ ...rest, ...publicUrl }))
    wire.leadTo(app.url)
    return { app, wire, kim: await app.user('kim') }
  }

  async upstream(packages: ScriptedPackages): Promise<ScriptedUpstream> {
    return this.#things.use(await startUpstream({ packages }))
  }

  /** A client with an empty home, that does not wait for releases to age. */
  async client(name: ClientName, wire: Wire, { path = '', token }: ClientChoice = {}): Promise<Client> {
    const setup = {
      folder: this.folder,
      registry: wire.url + path,
      ...(token === undefined ? {} : { token }),
    }
    const client = await Client.open(name, setup)
    if (client.family === 'pnpm') await client.write('pnpm-workspace.yaml', 'minimumReleaseAge: 0\n')
    return client
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#things.disposeAsync()
  }
}

/** dep-b, and two packages that need it. */
export async function publishTree(kim: NpmUser): Promise<void> {
  await kim.publish('dep-b', '1.0.0', { files: { 'index.js': 'module.exports = "b"' } })
  await kim.publish('dep-a', '1.1.0', { manifest: { dependencies: { 'dep-b': '^1.0.0' } } })
  await kim.publish('@kim/box', '2.0.0', { manifest: { dependencies: { 'dep-b': '*' } } })
}

/** Makes the client's project a package, with an index.js. */
export async function writePackage(client: Client, manifest: { name: string; version: string }) {
  await client.write('package.json', { main: 'index.js', ...manifest })
  await client.write('index.js', `// ${manifest.version}\n`)
  // It publishes nothing that has no lock file.
  if (client.family === 'berry') await works(client, 'install')
}

/** What publishes the project, in each client's words. */
export function publishing(client: Client): readonly string[] {
  const words = {
    npm: ['publish'],
    pnpm: ['publish', '--no-git-checks'],
    yarn: ['publish', '--non-interactive'],
    berry: ['npm', 'publish'],
    bun: ['publish'],
  }
  return words[client.family]
}

/** Marks a version as npm deprecate does; an empty text takes the mark away. */
export async function deprecate(
  kim: NpmUser,
  name: string,
  { version, text }: Record<'version' | 'text', string>,
) {
  const path = `/${name.replace('/', '%2f')}`
  const { json } = await kim.get(`${path}?write=true`)
  json.versions[version].deprecated = text
  expect((await kim.send('PUT', path, { body: json })).status).toBe(201)
}

/** An empty project again, with the caches of before. */
export async function anew(client: Client): Promise<void> {
  for (const file of await readdir(client.project))
    if (!/^(?:\.npmrc|\.yarnrc\.yml|pnpm-workspace\.yaml)$/.test(file))
      await rm(join(client.project, file), { recursive: true })
  await client.write('package.json', { name: 'project', version: '1.0.0', private: true })
}

/** The version that lies in the project's node_modules. */
export async function installed(client: Client, name: string): Promise<string> {
  const manifest = await readFile(join(client.project, 'node_modules', name, 'package.json'), 'utf8')
  return JSON.parse(manifest).version
}

/** Takes away what an earlier install left, but for the lock file: the packages and, unless they are kept, the caches. */
export async function forget(client: Client, { caches = true } = {}): Promise<void> {
  await rm(join(client.project, 'node_modules'), { recursive: true, force: true })
  if (!caches) return
  for (const folder of ['cache', 'data', 'npm-cache', 'yarn-cache', 'bun-cache', '.local', '.yarn', '.bun'])
    await rm(join(client.home, folder), { recursive: true, force: true })
}

/** Runs the client and wants it to succeed; what it printed stands in the error otherwise. */
export async function works(client: Client, ...args: readonly string[]): Promise<string> {
  const ran = await client.run(...args)
  expect(ran, `${client.name} ${args.join(' ')}\n${ran.output}`).toMatchObject({ code: 0 })
  return ran.output
}

/** Runs the client and wants it to fail; gives what it printed. */
export async function fails(client: Client, ...args: readonly string[]): Promise<string> {
  const ran = await client.run(...args)
  expect(ran.code, `${client.name} ${args.join(' ')}\n${ran.output}`).not.toBe(0)
  return ran.output
}

/** What installs exactly the lock file, in each client's words. */
export function frozen(client: Client): readonly string[] {
  const words = {
    npm: ['ci'],
    pnpm: ['install', '--frozen-lockfile'],
    yarn: ['install', '--frozen-lockfile'],
    berry: ['install', '--immutable'],
    bun: ['install', '--frozen-lockfile'],
  }
  return words[client.family]
}
