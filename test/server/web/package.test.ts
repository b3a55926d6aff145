import { expect, test } from 'vitest'
import { plainText } from '../../../src/registry/plain-text.ts'
import { testApp } from '../../support/app.ts'
import { publishDocument } from '../../support/npm-user.ts'
import { attest, STATEMENTS } from '../../support/provenance.ts'
import { startUpstream } from '../../support/upstream.ts'

const BROWSER = { accept: 'text/html' }

/** Publishes `@kim/box` with a statement about the tarball of this integrity, or about its own. */
async function packagePage(predicateType: keyof typeof STATEMENTS, other?: string): Promise<string> {
  await using app = await testApp()
  const kim = await app.user('kim')
  const document = await publishDocument('@kim/box', '1.0.0')
  attest(document, { predicateType, ...(other && { integrity: other }) })
  expect((await kim.send('PUT', '/@kim%2fbox', { body: document })).status).toBe(201)
  return (await kim.get('/www/package/@kim/box', BROWSER)).bytes.toString()
}

test.each(Object.keys(STATEMENTS) as (keyof typeof STATEMENTS)[])(
  'provenance by %s tells source, commit and build, and what of it was checked',
  async (predicateType) => {
    const page = await packagePage(predicateType)
    expect(page).toContain('href="https://git.example/kim/box" rel="nofollow')
    expect(page).toContain('c0ffee')
    expect(page).toContain('.ci/release.yml')
    expect(page).toContain('href="https://git.example/kim/box/runs/7"')
    expect(page).toContain('about this very tarball')
    expect(page).toMatch(/Not checked here:<\/strong> who signed it/)
  },
)

test('provenance of another tarball is called what it is', async () => {
  const page = await packagePage('https://slsa.dev/provenance/v1', `sha512-${'A'.repeat(86)}==`)
  expect(page).toContain('The statement is about another tarball than this one.')
  expect(page).not.toContain('about this very tarball')
})

test('three thousand versions make no giant page: they are paged, and compared by typing', async () => {
  await using upstream = await startUpstream()
  const versions = Array.from({ length: 3000 }, (_, n) => `1.0.${n}`)
  const dist = { tarball: `${upstream.url}/big/-/big-1.0.0.tgz`, shasum: 'a'.repeat(40) }
  const document = {
    name: 'big',
    'dist-tags': Object.fromEntries([['latest', '1.0.2999'], ...versions.map((it, n) => [`tag-${n}`, it])]),
    versions: Object.fromEntries(versions.map((version) => [version, { name: 'big', version, dist }])),
    time: Object.fromEntries(versions.map((it, n) => [it, new Date(n * 60_000).toISOString()])),
  }
  upstream.misbehave('/big', (_, reply) => void reply.end(JSON.stringify(document)))
  await using app = await testApp({ upstream: upstream.url })
  const read = async (path: string) => (await app.anonymous().get(path, BROWSER)).bytes.toString()
  const main = await read('/www/package/big')
  const first = await read('/www/package/big/versions')
  for (const page of [main, first]) expect(page.length).toBeLessThan(60_000)
  expect(main).toContain('All 3001 tags')
  expect(first).toContain('3,000 versions')
  expect(first).toContain('<input id="from" name="from" value="1.0.2998"')
  expect(await read('/www/package/big/versions?page=30')).toContain('>1.0.0</a>')
})

test.each([
  ['**Fast** `box` for [node](https://x.example) ![build](https://x.example/b.svg)', 'Fast box for node'],
  ['# Title <b>bold</b>\nsecond line', 'Title bold second line'],
  ['a < b & c > d, snake_case_name', 'a < b & c > d, snake_case_name'],
  ['<script>alert(1)</script>', 'alert(1)'],
  ['', ''],
])('the description %j reads %j', (markdown, text) => {
  expect(plainText(markdown)).toBe(text)
})
