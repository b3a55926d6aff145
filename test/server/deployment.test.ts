import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { optionList } from '../../src/server/config/options.ts'
import { type Config, resolveSettings } from '../../src/server/config.ts'
import { LONGEST_WAIT } from '../../src/server/entropic/discovery.ts'
import { Client } from '../clients/client.ts'
import { testApp } from '../support/app.ts'
import { composeServices, image, startReplicas } from '../support/deployment.ts'
import { noNginx, startNginx } from '../support/nginx.ts'
import { freePort } from '../support/servers.ts'
import { missing } from '../support/services.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startUpstream } from '../support/upstream.ts'

const file = (name: string) => readFileSync(join(import.meta.dirname, '../../deploy', name), 'utf8')
const OAUTH_PASSWORD = 'the same for all replicas, and longer than most'

/** The configuration that these variables of the image make; each must be an option of ours, and there may be no mistake. */
function configured(environment: Readonly<Record<string, string>>): Config {
  const all = { ...image.environment, ...environment }
  expect(optionList.map(({ env }) => env)).toEqual(expect.arrayContaining(Object.keys(all)))
  return resolveSettings({ flags: {}, environment: all, folder: '/' }).config
}

test('what docker-compose.yml sets, in the image, is a configuration; a secret for all must be given', () => {
  expect(() => composeServices({})).toThrow('OAUTH_PASSWORD must be set')
  const services = composeServices({ OAUTH_PASSWORD })
  const [one, two] = [services.one?.environment, services.two?.environment]
  expect(one).toEqual(two)
  expect(configured({ ...one }).nodeEnv).toBe('production')
  const { PORT } = image.environment
  // After a restart of the machine all of them are there again; the bucket is made once.
  const transient = Object.keys(services).filter((name) => services[name]?.restart !== 'unless-stopped')
  expect(transient).toEqual(['bucket'])
  const upstreams = [...file('nginx.conf').matchAll(/^\s+server (\S+) max_fails=0;$/gm)].map(([, it]) => it)
  expect(upstreams).toEqual(['one', 'two'].map((name) => `${name}:${PORT}`))
})

test('what kubernetes.yaml sets, in the image, is a configuration; its probes and its port are those of the server', () => {
  // Written by us, and by whoever reads the file with Kubernetes' schemas.
  const all = parseAllDocuments(file('kubernetes.yaml')).map((it) => it.toJS())
  const of = (kind: string) => all.find((it) => it.kind === kind)
  const secret = { OAUTH_PASSWORD, POSTGRES_URL: 'postgres://it', REDIS_URL: 'redis://it' }
  const keys = { S3_ACCESS_KEY_ID: 'it', S3_SECRET_ACCESS_KEY: 'it' }
  const { data } = of('ConfigMap')
  const { nodeEnv, drainDelay } = configured({ ...data, ...secret, ...keys })
  expect(nodeEnv).toBe('production')
  const { spec } = of('Deployment').spec.template
  const [container] = spec.containers
  expect(container.ports).toEqual([{ name: 'http', containerPort: Number(image.environment.PORT) }])
  expect(container.volumeMounts[0].mountPath).toBe(image.environment.CACHE_DIR)
  for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'])
    expect(container[probe].httpGet).toEqual({
      path: expect.stringMatching(/^\/-\/(ready|health)$/),
      port: 'http',
    })
  const finishing = 10 // seconds that requests under way are given
  expect(drainDelay).toBeGreaterThan(0)
  expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(drainDelay / 1000 + finishing)
})

test('every figure on the dashboard is one that a server tells', async () => {
  await using upstream = await startUpstream({ packages: { box: { '1.0.0': {} } } })
  await using app = await testApp({ upstream: upstream.url })
  const kim = await app.user('kim', { admin: true })
  await kim.get('/box')
  await kim.get('/box/-/box-1.0.0.tgz')
  app.registry.chores.start({ every: 40, bounds: { bytes: 0 } })
  const told = async () => (await kim.get('/-/metrics')).bytes.toString()
  const expressions: string[] = JSON.parse(file('grafana-dashboard.json')).panels.flatMap(
    ({ targets }: { targets: { expr: string }[] }) => targets.map(({ expr }) => expr),
  )
  const names = expressions.map((it) => /entropic_\w+/.exec(it)?.[0])
  await vi.waitFor(async () => {
    const lines = (await told()).split('\n').map((it) => it.split(/[{ ]/, 1)[0])
    expect(lines).toEqual(expect.arrayContaining(names))
  })
})

test('nginx waits longer than anybody may have to', () => {
  const [, seconds] = /proxy_read_timeout (\d+)s;/.exec(file('nginx.conf')) ?? []
  expect(Number(seconds)).toBeGreaterThan(LONGEST_WAIT)
})

const ANALYZE = '/usr/bin/systemd-analyze'
const noSystemd = !existsSync(ANALYZE) && process.env.REQUIRE_ALL !== '1'
if (noSystemd) console.warn(`skipped – ${ANALYZE} is not installed (Debian: apt-get install systemd)`)

test.skipIf(noSystemd)(
  'systemd understands every line of entropic.service, and finds it well confined',
  async () => {
    await using folder = await temporaryFolder()
    const unit = join(folder.path, 'entropic.service')
    // Where nothing is installed there is no such program.
    await writeFile(unit, file('entropic.service').replace('/usr/local/bin/entropic', process.execPath))
    const analyze = promisify(execFile)
    const { stdout, stderr } = await analyze(ANALYZE, ['verify', '--man=no', unit])
    expect(stdout + stderr).toBe('')
    const confined = ['security', '--offline=yes', '--threshold=20', unit] // of 100; fails where it is exposed more
    expect((await analyze(ANALYZE, confined)).stdout).toContain('OK')
  },
)

const reason = missing.postgres ?? missing.redis ?? missing.s3

describe.skipIf(reason ?? noNginx)(`docker-compose.yml, on loopback${reason ? ` – ${reason}` : ''}`, () => {
  test('two replicas behind nginx take a package, and either alone goes on with it', async () => {
    await using opening = new AsyncDisposableStack()
    const port = await freePort()
    const variables = { OAUTH_PASSWORD, EXTERNAL_HOST: `http://127.0.0.1:${port}` }
    const [one, two] = opening.use(await startReplicas(variables)).replicas
    const proxy = opening.use(await startNginx(port, [{ path: '/', servers: [one.url, two.url] }]))
    const { path: folder } = opening.use(await temporaryFolder())
    await one.run(['user', 'add', 'kim', '--password-stdin'], 'kim-password\n')
    const token = await two.run(['token', 'create', 'kim'])
    expect(await Promise.all([one, two].map((it) => it.health()))).toEqual([0, 0])

    const kim = await Client.open('npm', { folder, registry: proxy.url, token })
    const publish = async (version: string) => {
      await kim.write('package.json', { name: '@kim/box', version })
      await kim.write('index.js', `module.exports = '${version}'\n`)
      return kim.run('publish')
    }
    const install = async (version: string) => {
      const client = await Client.open('npm', { folder, registry: proxy.url })
      const { code } = await client.run('install', `@kim/box@${version}`)
      const lock = JSON.parse(readFileSync(join(client.project, 'package-lock.json'), 'utf8'))
      return [code, lock.packages['node_modules/@kim/box'].resolved]
    }
    const address = (version: string) => `${proxy.url}/@kim/box/-/box-${version}.tgz`
    expect(await publish('1.0.0')).toMatchObject({ code: 0 })
    await one.kill()
    expect(await Promise.all([one, two].map((it) => it.health()))).toEqual([1, 0])
    expect(await install('1.0.0')).toEqual([0, address('1.0.0')])
    expect(await publish('1.1.0')).toMatchObject({ code: 0 })
    await one.start()
    await two.kill()
    expect(await install('1.1.0')).toEqual([0, address('1.1.0')])
  }, 60_000)
})
