import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Terminal } from '../support/terminal.ts'

export type Ran = { readonly code: number; readonly output: string }
export type Running = {
  readonly ended: Promise<Ran>
  /** Resolves with what matches, once it stands on the standard output. */
  printed(pattern: RegExp): Promise<string>
}
/** A package manager as it is today, or one of another major version (see `versions/package.json`). */
export type ClientName = Family | 'npm@10' | 'npm@12' | 'pnpm@10' | 'pnpm@12'
export type Family = 'npm' | 'pnpm' | 'yarn' | 'berry' | 'bun'

const modules = join(import.meta.dirname, '../../node_modules')
const versions = join(import.meta.dirname, 'versions/node_modules')
const node = process.execPath

/** How each real client is started; all but bun and pnpm 12 are scripts. */
const COMMANDS: Readonly<Record<ClientName, readonly [string, ...string[]]>> = {
  npm: [node, join(modules, 'npm/bin/npm-cli.js')],
  pnpm: [node, join(modules, 'pnpm/bin/pnpm.mjs')],
  yarn: [node, join(modules, 'yarn/bin/yarn.js')],
  berry: [node, join(modules, '@yarnpkg/cli-dist/bin/yarn.js')],
  bun: [join(modules, `@oven/bun-${process.platform}-${process.arch}/bin/bun`)],
  'npm@10': [node, join(versions, 'npm-10/bin/npm-cli.js')],
  'npm@12': [node, join(versions, 'npm-12/bin/npm-cli.js')],
  'pnpm@10': [node, join(versions, 'pnpm-10/bin/pnpm.cjs')],
  'pnpm@12': [join(versions, 'pnpm-12/pnpm')],
}

/** What adds packages to a project, in each client's words. */
export const ADD: Readonly<Record<Family, readonly string[]>> = {
  npm: ['install'],
  pnpm: ['add'],
  yarn: ['add'],
  berry: ['add'],
  bun: ['add'],
}

export type ClientSetup = { readonly folder: string; readonly registry: string; readonly token?: string }

/** A real package manager with a home, a cache and a project of its own, pointed at one registry. */
export class Client {
  readonly name: ClientName
  readonly family: Family
  readonly home: string
  readonly project: string
  /** Variables of its own, such as a build server sets. */
  readonly variables: Record<string, string> = {}

  private constructor(name: ClientName, home: string) {
    this.name = name
    this.family = familyOf(name)
    this.home = home
    this.project = join(home, 'project')
  }

  static async open(name: ClientName, { folder, registry, token }: ClientSetup): Promise<Client> {
    const client = new Client(name, join(folder, `${name}-${Math.random().toString(36).slice(2)}`))
    await mkdir(client.project, { recursive: true })
    const { host, pathname } = new URL(`${registry}/`)
    const login = token === undefined ? '' : `//${host}${pathname}:_authToken=${token}\n`
    await writeFile(join(client.home, '.npmrc'), `registry=${registry}/\n${login}`)
    await writeFile(join(client.home, '.yarnrc'), `registry "${registry}/"\n`)
    await writeFile(join(client.home, '.yarnrc.yml'), berrySettings(registry, token))
    await client.write('package.json', { name: 'project', version: '1.0.0', private: true })
    return client
  }

  /** Writes a file of the project; an object as JSON. */
  async write(path: string, content: string | object): Promise<void> {
    await mkdir(join(this.project, path, '..'), { recursive: true })
    await writeFile(
      join(this.project, path),
      typeof content === 'string' ? content : JSON.stringify(content, undefined, 2),
    )
  }

  /** Runs the client in its project and resolves with its exit code and all it printed. */
  run(...args: readonly string[]): Promise<Ran> {
    return this.start(...args).ended
  }

  /** As run, for clients that wait for somebody meanwhile. */
  start(...args: readonly string[]): Running {
    const [command, ...before] = COMMANDS[this.name]
    const options = { cwd: this.project, env: this.#environment(), maxBuffer: 64 * 2 ** 20, timeout: 120_000 }
    const { promise: ended, resolve } = Promise.withResolvers<Ran>()
    const child = execFile(command, [...before, ...args], options, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : 1) : 0
      resolve({ code, output: stdout + stderr })
    })
    child.stdin?.end()
    const printed = (pattern: RegExp) =>
      new Promise<string>((found, missed) => {
        let text = ''
        child.stdout?.on('data', (chunk) => {
          text += chunk
          const match = pattern.exec(text)
          if (match) found(match[0])
        })
        ended.then(({ output }) => missed(new Error(`it ended without printing ${pattern}: ${output}`)))
      })
    return { ended, printed }
  }

  /** As run, before somebody who answers; no browser is opened. */
  atTerminal(...args: readonly string[]): Terminal {
    const { CI: _, ...env } = this.#environment()
    const quiet = { npm_config_progress: 'false', npm_config_browser: 'false' }
    return Terminal.start([...COMMANDS[this.name], ...args], { cwd: this.project, env: { ...env, ...quiet } })
  }

  add(...packages: readonly string[]): Promise<Ran> {
    return this.run(...ADD[this.family], ...packages)
  }

  /** Nothing of the surroundings but the path: no registry, token or cache of the person running the tests. */
  #environment(): Record<string, string> {
    // It publishes with the npm that it finds.
    const npm = this.name === 'pnpm@10' ? `${join(modules, '.bin')}:` : ''
    return {
      PATH: `${join(node, '..')}:${npm}/usr/bin:/bin`,
      HOME: this.home,
      XDG_CACHE_HOME: join(this.home, 'cache'),
      XDG_DATA_HOME: join(this.home, 'data'),
      npm_config_cache: join(this.home, 'npm-cache'),
      npm_config_update_notifier: 'false',
      npm_config_fund: 'false',
      YARN_CACHE_FOLDER: join(this.home, 'yarn-cache'),
      // Of root, Yarn 1 keeps what it remembers where everybody finds it, unless root is only played.
      FAKEROOTKEY: '1',
      YARN_ENABLE_TELEMETRY: '0',
      YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
      BUN_INSTALL_CACHE_DIR: join(this.home, 'bun-cache'),
      COREPACK_ENABLE_STRICT: '0',
      CI: '1',
      ...this.variables,
    }
  }
}

export function familyOf(name: ClientName): Family {
  return name.replace(/@\d+$/, '') as Family // a name is a family, perhaps with a major version
}

/** Whether this client's files are here: the other major versions are installed apart. */
export function isInstalled(name: ClientName): boolean {
  return COMMANDS[name].every((path) => existsSync(path))
}

function berrySettings(registry: string, token: string | undefined): string {
  const lines = [
    `npmRegistryServer: "${registry}"`,
    'unsafeHttpWhitelist: ["127.0.0.1", "localhost"]',
    'nodeLinker: node-modules',
    'enableGlobalCache: false',
    // What a test publishes is seconds old; berry would hold it back for a day.
    'npmMinimalAgeGate: 0',
    ...(token === undefined ? [] : [`npmAuthToken: "${token}"`, 'npmAlwaysAuth: true']),
  ]
  return `${lines.join('\n')}\n`
}
