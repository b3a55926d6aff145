import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type FixtureRegistry, startRegistry } from 'entropic/fixture'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

let registry: FixtureRegistry

beforeAll(async () => {
  registry = await startRegistry({
    packages: {
      greeting: {
        '1.0.0': { files: { 'index.js': "module.exports = 'hello'" } },
        '2.0.0': { files: { 'index.js': "module.exports = 'good morning'" } },
      },
    },
  })
})
afterAll(() => registry[Symbol.asyncDispose]())
beforeEach(() => registry.reset())

test('npm takes the newest version', async () => {
  expect(await npm('view', 'greeting', 'version')).toBe('2.0.0\n')
})

test('npm tries again when the registry is busy', async () => {
  registry.faults.add({ path: '/greeting', status: 503, times: 1 })
  expect(await npm('view', 'greeting@1', 'version', '--fetch-retry-mintimeout=10')).toBe('1.0.0\n')
  const asked = registry.requests.filter(({ path }) => path === '/greeting')
  expect(asked.map(({ status }) => status)).toEqual([503, 200])
})

test('what is published is there until the next test', async () => {
  await registry.publish(join(import.meta.dirname, '../monorepo/packages/greeting'))
  expect(await npm('view', '@example/greeting', 'version')).toBe('1.0.0\n')
})

/** Runs npm with an empty cache. */
async function npm(...args: readonly string[]): Promise<string> {
  const cache = await mkdtemp(join(tmpdir(), 'npm-cache-'))
  const env = { PATH: process.env.PATH, ...registry.environment, npm_config_cache: cache }
  try {
    return (await promisify(execFile)('npm', args, { env })).stdout
  } finally {
    await rm(cache, { recursive: true })
  }
}
