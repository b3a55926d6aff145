import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type FixtureRegistry, startRegistry } from 'entropic/fixture'
import { afterAll, beforeAll, expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { makeNpmPackage } from '../../scripts/appliance/npm-package.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { Running } from './executable.ts'

const MODULES = join(import.meta.dirname, '../../node_modules')

const CONSUMER = `import { startRegistry, type FixtureRegistry } from 'entropic/fixture'

await using registry: FixtureRegistry = await startRegistry({ packages: { greeting: { '1.0.0': {} } } })
registry.faults.add({ path: '/busy', status: 503, times: 1 })
const statuses: number[] = []
for (const path of ['/busy', '/greeting', '/greeting/-/greeting-1.0.0.tgz'])
  statuses.push((await fetch(registry.url + path)).status)
console.log(statuses.join(' '), registry.requests.length)
`

const opened = new AsyncDisposableStack()
let project = ''
let environment: NodeJS.ProcessEnv

// A stranger's project: the package comes from a registry, and what it depends on with it.
beforeAll(async () => {
  const { path } = opened.use(await temporaryFolder())
  const registry: FixtureRegistry = opened.use(await startRegistry())
  const tarball = await makeNpmPackage(join(path, 'package'), path)
  const driver = join(MODULES, 'better-sqlite3')
  for (const one of [tarball, driver, join(MODULES, 'node-addon-api')]) await registry.publish(one)
  project = opened.use(await temporaryFolder()).path
  environment = {
    PATH: process.env.PATH,
    HOME: project,
    ...registry.environment,
    npm_config_cache: join(path, 'cache'),
  }
  await writeFile(join(project, 'package.json'), JSON.stringify({ type: 'module' }))
  await writeFile(join(project, 'consumer.ts'), CONSUMER)
  await run('npm', 'install', '--no-audit', manifest.name)
}, 120_000)
afterAll(() => opened.disposeAsync())

test('its fixture runs where it was installed', async () => {
  expect(await run(process.execPath, 'consumer.ts')).toBe('503 200 200 3\n')
})

test('its types are whole', async () => {
  const tsc = join(MODULES, 'typescript/bin/tsc')
  const options = { strict: true, noEmit: true, module: 'nodenext', target: 'es2024', lib: ['esnext'] }
  const types = { types: ['node'], typeRoots: [join(MODULES, '@types')], allowImportingTsExtensions: true }
  const config = { compilerOptions: { ...options, ...types }, include: ['consumer.ts'] }
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify(config))
  expect(await run(process.execPath, tsc)).toBe('')
})

test('its command runs', async () => {
  expect(await run('npx', 'entropic', 'version')).toBe(`${manifest.version}\n`)
  expect(await run('npx', 'entropic', 'help')).toContain('Usage: npx entropic [COMMAND]')
  // As npx starts it, but without npx, which keeps signals to itself.
  const program = join(project, 'node_modules/.bin/entropic')
  const serve = ['serve', '--port', '0', '--upstream', 'none', '--log-level', 'error']
  const surroundings = { env: { PATH: environment.PATH ?? '', HOME: project }, cwd: project }
  await using server = await Running.start(program, serve, surroundings)
  expect((await fetch(`${server.url}/`)).status).toBe(200)
  expect((await fetch(`${server.url}/-/ping`)).status).toBe(200)
})

async function run(program: string, ...args: readonly string[]): Promise<string> {
  return (await promisify(execFile)(program, args, { cwd: project, env: environment })).stdout
}
