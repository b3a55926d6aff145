import { expect, test } from 'vitest'
import { testApp } from '../../support/app.ts'
import { Visitor } from '../../support/visitor.ts'

const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }

test('the start is a page for browsers and the original’s JSON for everybody else', async () => {
  await using app = await testApp()
  const page = await app.anonymous().get('/', BROWSER)
  expect(page.status).toBe(200)
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(page.bytes.toString()).toContain(`npm config set registry ${app.url}/`)
  const { json } = await app.anonymous().get('/')
  expect(json).toEqual({
    server: 'entropic',
    version: expect.any(String),
    message: expect.any(String),
    website: app.url,
  })
})

test('the line for Yarn berry lets through what was just published, whoever reads it', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const berry = async () => {
    const page = (await app.anonymous().get('/', BROWSER)).bytes.toString()
    return /yarn config set npmRegistryServer [^<]*/.exec(page)?.[0].replaceAll(/&(?:#39|quot);/g, '"')
  }
  expect(await berry()).not.toContain('npmPreapprovedPackages')
  for (const name of ['@kim/box', '@kim/lid', 'plain']) await kim.publish(name, '1.0.0')
  const line = await berry()
  expect(line).toContain('npmPreapprovedPackages --json "["')
  for (const pattern of ['"@kim/*"', '"plain"']) expect(line?.split(pattern)).toHaveLength(2)
})

test('every page forbids scripts, frames and pictures from elsewhere, errors too', async () => {
  await using app = await testApp()
  for (const path of ['/', '/www/nowhere']) {
    const { headers } = await app.anonymous().get(path, BROWSER)
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("img-src 'self' data:")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('same-origin')
  }
})

test('what a page is made with is kept for ever, under a path that changes with it', async () => {
  await using app = await testApp()
  const page = (await app.anonymous().get('/', BROWSER)).bytes.toString()
  const paths = [...page.matchAll(/(?:href|src)="(\/www\/static\/[^"]+)"/g)].map(([, path]) => `${path}`)
  expect(paths).toHaveLength(3)
  for (const path of paths) {
    const { status, headers } = await app.anonymous().get(path)
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
  }
  const old = await app.anonymous().get('/www/static/000000000000/site.css')
  expect(old.headers.get('cache-control')).toBe('no-store')
})

test('an icon is there for those who ask for one unasked', async () => {
  await using app = await testApp()
  const reply = await fetch(`${app.url}/favicon.ico`)
  expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'image/svg+xml'])
})

test('what is not here is a page for browsers and JSON for programs', async () => {
  await using app = await testApp()
  const page = await app.anonymous().get('/www/<b>nowhere', BROWSER)
  expect(page.status).toBe(404)
  expect(page.bytes.toString()).toContain('<h1>Not here</h1>')
  for (const odd of ['/www/%ff', '/www/static/x/..%2f..%2fsite.js'])
    expect((await app.anonymous().get(odd, BROWSER)).status, odd).toBeOneOf([400, 404])
  const program = await app.anonymous().get('/www/nowhere')
  expect(program.status).toBe(404)
  expect(program.json).toMatchObject({ code: 'NOT_FOUND' })
})

test('a browser that asks for a package gets its page, a package manager the package', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await kim.publish('@kim/box', '1.0.0')
  const page = await app.anonymous().get('/@kim/box', BROWSER)
  expect(page.status).toBe(302)
  expect(page.headers.get('location')).toBe('/www/package/@kim/box')
  expect((await app.anonymous().get('/@kim%2fbox', BROWSER)).headers.get('location')).toBe(
    '/www/package/@kim/box',
  )
  expect((await app.anonymous().get('/@kim', BROWSER)).headers.get('location')).toBe('/www/namespace/kim')
  const absent = await app.anonymous().get('/www/package/@kim/absent', BROWSER)
  expect([absent.status, absent.bytes.toString()]).toEqual([
    404,
    expect.stringContaining('Could not find &quot;@kim/absent&quot;'),
  ])
  const { json } = await app.anonymous().get('/@kim/box', { ...BROWSER, 'npm-command': 'install' })
  expect(json.name).toBe('@kim/box')
})

test('without an upstream no page promises one', async () => {
  await using app = await testApp()
  await app.user('kim', { admin: true })
  const kim = new Visitor(app.url)
  await kim.logIn('kim')
  const text = async (path: string) => (await kim.get(path)).text
  expect(await text('/')).toContain('holds packages published here.')
  expect(await text('/www/search?q=nothing')).not.toContain('upstream')
  expect(await text('/www/admin/mirror')).toContain('There is no upstream registry')
  expect(await text('/www/admin/health')).toContain('There is none.')
})
