import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { envExample, withOptionsTable } from '../../src/server/config/docs.ts'
import { optionList } from '../../src/server/config/options.ts'

const root = join(import.meta.dirname, '../..')
const committed = (name: string) => readFileSync(join(root, name), 'utf8')

test('.env-example is what npm run docs writes', () => {
  expect(committed('.env-example')).toBe(envExample())
})

test("the README's table is what npm run docs writes", () => {
  expect(withOptionsTable(committed('README.md'))).toBe(committed('README.md'))
})

test('every variable of the original is there', () => {
  const original =
    'NODE_ENV DEV_LATENCY_ERROR_MS POSTGRES_URL PORT PGUSER PGDATABASE CACHE_DIR OAUTH_GITHUB_CLIENT ' +
    'OAUTH_GITHUB_SECRET OAUTH_PASSWORD EXTERNAL_HOST SESSION_SECRET SESSION_EXPIRY_SECONDS'
  expect(optionList.map(({ env }) => env)).toEqual(expect.arrayContaining(original.split(' ')))
})
