import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isLoopback, ownAddress } from '../../src/server/config/address.ts'
import { upstreamAddress } from '../../src/server/config/upstream.ts'
import { type Config, ConfigMistakes, resolveSettings, type Settings } from '../../src/server/config.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

type Texts = Record<string, string>

function settings(environment: Texts, flags: Texts = {}, folder = import.meta.dirname): Settings {
  return resolveSettings({ flags, environment, folder })
}

function configured(environment: Texts): Config {
  return settings(environment).config
}

function mistakes(environment: Texts): readonly string[] {
  try {
    settings(environment)
  } catch (error) {
    if (error instanceof ConfigMistakes) return error.mistakes
    throw error
  }
  return []
}

test('nothing needs to be configured', () => {
  expect(configured({})).toMatchObject({ nodeEnv: 'dev', host: '127.0.0.1', port: 3000, upstream: 'npm' })
})

test('flags win over the environment, the environment over .env, .env over the default', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, '.env'), 'PORT=1\nHOST=localhost\nMAX_FILES="7"\n')
  const { config, list } = settings({ PORT: '2', HOST: '::1' }, { PORT: '3' }, folder.path)
  expect(config).toMatchObject({ port: 3, host: '::1', maxFiles: 7, maxDependencies: 1024 })
  const origins = Object.fromEntries(list.map(({ env, origin }) => [env, origin]))
  expect(origins).toMatchObject({
    PORT: 'flag',
    HOST: 'environment',
    MAX_FILES: '.env',
    MAX_DEPENDENCIES: 'default',
  })
})

test('an empty text leaves the default', () => {
  expect(configured({ PORT: '', REDIS_URL: '' })).toMatchObject({ port: 3000, redisUrl: undefined })
})

test('the spellings of NODE_ENV that people use are understood', () => {
  const given = ['dev', 'development', 'testing', 'test', 'production']
  const understood = ['dev', 'dev', 'testing', 'testing', 'production']
  expect(given.map((it) => configured({ NODE_ENV: it }).nodeEnv)).toEqual(understood)
})

test('sizes and durations carry their unit', () => {
  expect(
    configured({
      MAX_TARBALL: '512mb',
      MAX_PUBLISH: '1.5 GB',
      PACKUMENT_CACHE: '100',
      PACKUMENT_TTL: '5m',
      STALE_LIMIT: '2d',
      UPSTREAM_TIMEOUT: '250ms',
    }),
  ).toMatchObject({
    maxTarball: 512 * 2 ** 20,
    maxPublish: 1.5 * 2 ** 30,
    packumentCache: 100,
    packumentTtl: 300_000,
    staleLimit: 172_800_000,
    upstreamTimeout: 250,
  })
})

test('every mistake is told at once, with the value and what is allowed', () => {
  const wrong = {
    PORT: '65536',
    HOST: 'a host',
    OFFLINE: 'perhaps',
    MAX_TARBALL: '4 apples',
    PACKUMENT_TTL: '5',
    UPSTREAM: 'ftp://x',
    NODE_ENV: 'staging',
    REDIS_URL: 'http://x',
  }
  const told = mistakes(wrong)
  expect(told).toHaveLength(Object.keys(wrong).length)
  expect(told).toContain('PORT is "65536" (environment); allowed: a whole number, 0 to 65535.')
  expect(told).toContain('NODE_ENV is "staging" (environment); allowed: dev, testing, production.')
})

test.each([
  ['@scope', 'did you mean "@scope/*"?'],
  ['misnamed:@scope', 'did you mean "@scope/*"?'],
  ['@bad scope', 'no package can have the name "@bad scope"'],
  ['Left Pad', 'no package can have the name "Left Pad"'],
  ['install-script:.x', 'no package can have the name ".x"'],
  ['licens:GPL', 'there is no "licens:", only licence:, install-script:, misnamed:'],
  ['licence:', 'it names nothing'],
  ['ms@newest', '"newest" is not a range of versions'],
])('the rule "%s" could match nothing, and is refused', (rule, why) => {
  for (const env of ['POLICY_BLOCK', 'POLICY_ALLOW', 'MIN_RELEASE_AGE_EXEMPT'])
    expect(mistakes({ [env]: `fine, ${rule}` })).toEqual([
      expect.stringContaining(
        `${env} is "fine, ${rule}" (environment): "${rule}" is no rule: ${why}; allowed:`,
      ),
    ])
})

test('rules name whatever an upstream may have, in old spellings too', () => {
  const rules = [
    '*',
    'lu*',
    '@a/*',
    '@a*',
    '@*/x',
    '*/x',
    'JSONStream@^1',
    '@a/B.c',
    "it's(ok)!",
    'licence:GPL-*',
  ]
  const config = configured({ POLICY_BLOCK: `${rules.join(',')},,install-script:*,misnamed:@a/b@1,` })
  expect(config.policyBlock).toEqual([...rules, 'install-script:*', 'misnamed:@a/b@1'])
})

test.each([
  ['[{"match":"@a/*","ur":"s3cret"}]', 'row 1 has no url, and "ur" is unknown;'],
  [
    '[{"match":"a","url":"none"},{"url":"s3cret","retries":99}]',
    'row 2 has no match, and its url must be an http',
  ],
  ['[{"match":"a"},4]', 'row 1 has no url; row 2 is no object;'],
  ['[{', 'it is no JSON;'],
  ['"s3cret"', 'it is no list;'],
])('a mistake in the routes %s is found, and no value shown', (UPSTREAMS, why) => {
  const [mistake, ...others] = mistakes({ UPSTREAMS })
  expect([mistake, others]).toEqual([expect.stringContaining(`(environment): ${why}`), []])
  expect(mistake).not.toContain('s3cret')
})

test('no secret is ever shown', () => {
  const secret = 'correct-horse-battery-staple-0123456789'
  const { list } = settings({
    SESSION_SECRET: secret,
    POSTGRES_URL: `postgres://kim:${secret}@db/x?password=${secret}`,
    REDIS_URL: `rediss://:${secret}@cache`,
  })
  expect(JSON.stringify(list)).not.toContain(secret)
  expect(mistakes({ POSTGRES_URL: `mysql://kim:${secret}@db` }).join()).not.toContain(secret)
})

test('a secret can be read from a file', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'secret')
  await writeFile(file, 'from-a-file\n')
  expect(configured({ SESSION_SECRET_FILE: file }).sessionSecret).toBe('from-a-file')
  expect(mistakes({ SESSION_SECRET_FILE: file, SESSION_SECRET: 'x' })).toHaveLength(1)
  expect(mistakes({ SESSION_SECRET_FILE: join(folder.path, 'none') })).toHaveLength(1)
})

test('production refuses weak secrets and examples, development takes them', () => {
  const weak = { SESSION_SECRET: 'short', OAUTH_PASSWORD: 'long_pw_for_encrypting_tokens_that_goes_here' }
  expect(mistakes(weak)).toEqual([])
  expect(mistakes({ ...weak, NODE_ENV: 'production' })).toEqual([
    'SESSION_SECRET is too short: in production it has 32 characters or more.',
    'OAUTH_PASSWORD is an example: in production it must be your own.',
  ])
  expect(mistakes({ NODE_ENV: 'production' })).toEqual([])
})

test('GitHub needs both its client and its secret', () => {
  expect(mistakes({ OAUTH_GITHUB_CLIENT: 'x' })).toHaveLength(1)
  expect(mistakes({ OAUTH_GITHUB_CLIENT: 'x', OAUTH_GITHUB_SECRET: 'y' })).toEqual([])
})

test('signing up is open only while nobody else can reach the server', () => {
  const of = (environment: Texts) => configured(environment).signUp
  expect(of({})).toBe('open')
  expect(of({ HOST: 'localhost', EXTERNAL_HOST: 'http://localhost:3000' })).toBe('open')
  expect(of({ HOST: '0.0.0.0' })).toBe('closed')
  expect(of({ EXTERNAL_HOST: 'https://registry.example' })).toBe('closed')
  expect(of({ EXTERNAL_HOST: 'registry.example' })).toBe('closed')
  expect(of({ HOST: '0.0.0.0', SIGN_UP: 'open' })).toBe('open')
})

test('the public address has a scheme, perhaps a path, and no slash at its end', () => {
  const of = (text: string) => configured({ EXTERNAL_HOST: text }).externalHost
  expect(of('https://registry.example/')).toBe('https://registry.example')
  expect(of('https://registry.example/npm/')).toBe('https://registry.example/npm')
  expect(of('registry.example:8443')).toBe('https://registry.example:8443')
  expect(of('localhost:3000')).toBe('http://localhost:3000')
  for (const wrong of ['https://kim:pw@registry.example', 'https://x/?a', 'https://', 'mailto:kim@x'])
    expect(mistakes({ EXTERNAL_HOST: wrong }), wrong).toHaveLength(1)
})

test('the path of the public address is plain, and cannot be taken for one of our own', () => {
  const of = (path: string) => configured({ EXTERNAL_HOST: `https://x.example${path}` }).externalHost
  for (const path of ['/npm', '/registry', '/a.b/c_d/E-2~'])
    expect(of(`${path}/`)).toBe(`https://x.example${path}`)
  for (const wrong of [
    '/www',
    '/v1/npm',
    '/packages',
    '/-/npm',
    '/a//b',
    '/a;b',
    '/é',
    '/%2f',
    '/@kim',
    '/.a',
  ])
    expect(mistakes({ EXTERNAL_HOST: `https://x.example${wrong}` }), wrong).toEqual([
      expect.stringContaining('none of our own, such as v1 or www'),
    ])
})

test('without a public address we are known by where we listen', () => {
  const of = (host: string) => ownAddress({ host, externalHost: undefined }, 4873)
  expect(of('127.0.0.1')).toBe('http://127.0.0.1:4873')
  expect(of('::1')).toBe('http://[::1]:4873')
  expect(of('0.0.0.0')).toBe('http://localhost:4873')
})

test('loopback is told from the rest', () => {
  expect(['localhost', '127.0.0.9', '::1', '[::1]', 'a.localhost'].every(isLoopback)).toBe(true)
  expect(['0.0.0.0', '::', '10.0.0.1', '127.example', 'localhost.example'].some(isLoopback)).toBe(false)
})

test('the upstream may be none or another registry, never ourselves', async () => {
  const of = (UPSTREAM: string) => upstreamAddress(configured({ UPSTREAM }), 3000)
  expect(await of('none')).toBeUndefined()
  expect(await of('https://registry.example/npm/')).toBe('https://registry.example/npm')
  expect(await of('http://127.0.0.1:4873')).toBe('http://127.0.0.1:4873')
  await expect(of('http://localhost:3000')).rejects.toThrow('is this server itself')
})

test('the upstream may be a registry at another path of our own host', async () => {
  const of = (path: string) => {
    const host = 'https://packages.example'
    return upstreamAddress(configured({ EXTERNAL_HOST: `${host}/npm`, UPSTREAM: `${host}${path}` }), 3000)
  }
  expect(await of('')).toBe('https://packages.example')
  expect(await of('/npm-mirror')).toBe('https://packages.example/npm-mirror')
  for (const own of ['/npm', '/npm/', '/npm/npm'])
    await expect(of(own)).rejects.toThrow('is this server itself')
})

test('npm pointed at this machine, at us or where we listened before, does not make that the upstream', async () => {
  const standard = await upstreamAddress(configured({}), 3000)
  expect(standard).toMatch(/^https:\/\//)
  process.env.npm_config_registry = 'http://localhost:3000/'
  try {
    expect(await upstreamAddress(configured({}), 3000)).toMatch(/^https:\/\//)
    expect(await upstreamAddress(configured({}), 3001)).toMatch(/^https:\/\//)
  } finally {
    delete process.env.npm_config_registry
  }
})
