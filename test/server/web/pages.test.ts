import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestApp } from '../../support/app.ts'
import { cookieHeader, loggedIn } from '../../support/browser.ts'
import { onEveryEngine } from '../../support/services.ts'
import { pages, showcase } from '../../support/showcase.ts'

const BROWSER = { accept: 'text/html' }
onEveryEngine('the pages', (engine) => {
  const opened = new AsyncDisposableStack()
  let app: TestApp

  beforeAll(async () => {
    app = opened.use(await showcase({ engine })).app
  })
  afterAll(() => opened.disposeAsync())

  async function read(path: string, headers: Record<string, string> = {}) {
    const { status, headers: got, bytes } = await app.anonymous().get(path, { ...BROWSER, ...headers })
    return { status, headers: got, text: bytes.toString() }
  }

  const asKim = async () => ({ cookie: cookieHeader(await loggedIn(app, 'kim')) })

  test('every page answers, and is whole', async () => {
    const kim = await asKim()
    for (const [name, path] of Object.entries(pages)) {
      const { status, text } = await read(path, kim)
      expect(status, name).toBe(name === 'not-here' ? 404 : 200)
      expect(text, name).toMatch(/<h1[ >]/)
      expect(text.endsWith('</html>\n'), name).toBe(true)
      expect(text, name).not.toMatch(/undefined|\[object |NaN/)
    }
  })

  test('a package’s page tells what there is to know', async () => {
    const { text } = await read('/www/package/@kim/box')
    expect(text).toContain('npm install @kim/box<')
    expect(text).toContain('Keep things in boxes')
    expect(text).toContain('MIT')
    expect(text).toMatch(/sha512-[\w+/]+==/)
    expect(text).toContain('href="https://git.example/kim/box.git"')
    expect(text).toContain('<a href="/www/namespace/kim">kim</a>')
  })

  test('an older version is installed by its number, and one with an install script warns', async () => {
    const { text } = await read('/www/package/@kim/box/v/2.0.0-beta.1')
    expect(text).toContain('npm install @kim/box@2.0.0-beta.1')
    expect(text).toContain('Runs when installed')
    expect(text).toContain('node build.js --fast')
  })

  test('pictures of a README come from the package or are links', async () => {
    const { text } = await read('/www/package/@kim/box')
    expect(text).toContain('src="/www/package/@kim/box/v/1.1.0/raw/logo.svg"')
    expect(text).toContain('>build</a>')
    expect(text).not.toContain('<img src="https:')
    const picture = await read('/www/package/@kim/box/v/1.1.0/raw/logo.svg')
    expect(picture.headers.get('content-type')).toBe('image/svg+xml')
    expect(picture.headers.get('content-security-policy')).toContain('sandbox')
  })

  test('links of a README lead to the package’s files', async () => {
    const { text } = await read('/www/package/@kim/box')
    expect(text).toContain('href="/www/package/@kim/box/v/1.1.0/files/docs/guide.md"')
  })

  test('a file is plain text when asked for raw, whatever it is called', async () => {
    const raw = await read('/www/package/@kim/box/v/1.1.0/raw/index.js')
    expect(raw.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(raw.headers.get('x-content-type-options')).toBe('nosniff')
  })

  test('two versions are told apart: scripts and dependencies first, then file by file', async () => {
    const { text } = await read('/www/package/@kim/box/diff?from=1.0.0&to=2.0.0-beta.1')
    expect(text).toContain('Other scripts run when it is installed')
    expect(text).toContain('node build.js --fast')
    expect(text).toMatch(/@lee\/lid<\/strong>\s*<span class="tag warn">new/)
    expect(text).toContain('<span class="add">+ * @version 2.0.0-beta.1')
    expect(text).toContain('<span class="del">- * @version 1.0.0')
    const one = await read('/www/package/@kim/box/diff?from=1.0.0&to=2.0.0-beta.1&file=build.js')
    expect(one.text).not.toContain('@version')
  })

  test('who depends on a package is listed with it', async () => {
    const { text } = await read('/www/package/@kim/box/dependencies')
    expect(text).toContain('href="/www/package/left-pad"')
    expect(text).toContain('href="/www/package/@lee/lid"')
  })

  test('a deprecated version says so', async () => {
    const lee = app.anonymous()
    const { secret } = await app.registry.tokens.issue({
      accountName: 'lee',
      description: 'test',
      access: 'publish',
    })
    const headers = { authorization: `Bearer ${secret}` }
    const packument = (await lee.get('/@lee%2flid', headers)).json
    packument.versions['1.0.0'].deprecated = 'use <b>tape</b>'
    const { status } = await lee.send('PUT', '/@lee%2flid', { body: packument, headers })
    expect(status).toBe(201)
    const { text } = await read('/www/package/@lee/lid')
    expect(text).toContain('<strong>Deprecated.</strong> use &lt;b&gt;tape&lt;/b&gt;')
  })

  test('search finds by name, description and keyword, names first', async () => {
    const names = (text: string) =>
      [...text.matchAll(/class="name" href="[^"]+">([^<]+)</g)].map(([, name]) => name)
    expect(names((await read('/www/search?q=BOX')).text)).toEqual(['@kim/box', '@lee/lid'])
    expect(names((await read('/www/search?q=shelf')).text)).toEqual(['@kim/box'])
    expect(names((await read('/www/search?q=left+pad')).text)).toEqual(['left-pad'])
    expect(names((await read('/www/search?q=100%25')).text)).toEqual([])
  })

  test('the pages of administrators are theirs alone', async () => {
    const lee = { cookie: cookieHeader(await loggedIn(app, 'lee')) }
    for (const [name, path] of Object.entries(pages).filter(([name]) => name.startsWith('admin'))) {
      const away = await read(path)
      expect(away.status, name).toBe(302)
      expect(away.headers.get('location'), name).toBe(`/www/login?next=${encodeURIComponent(path)}`)
      expect((await read(path, lee)).status, name).toBe(403)
    }
  })

  test('clean-up is done on a form of ours only', async () => {
    const kim = await asKim()
    const send = (body: string) =>
      app.anonymous().send('POST', '/www/admin/storage', {
        body,
        headers: { ...BROWSER, ...kim, 'content-type': 'application/x-www-form-urlencoded' },
      })
    expect((await send('work=verify')).status).toBe(403)
    const form = (await read('/www/admin/storage', kim)).text
    const key = /name="form_key" value="([^"]+)"/.exec(form)?.[1]
    const verified = await send(`form_key=${key}&work=verify`)
    expect(verified.bytes.toString()).toContain('each is what it was')
    const looked = await send(`form_key=${key}&work=look`)
    expect(looked.bytes.toString()).toContain('everything stored is in use')
    expect((await send(`form_key=${key}&work=constructor`)).status).toBe(400)
  })

  test('odd addresses are told so, and break nothing', async () => {
    const kim = await asKim()
    for (const path of [
      '/www/package/',
      '/www/package/@',
      '/www/package/@kim',
      '/www/package/%E0%A4%A',
      '/www/package/%00',
      '/www/package/..%2f..%2fetc',
      '/www/package/@kim/box/v',
      '/www/package/@kim/box/v/9.9.9',
      '/www/package/@kim/box/v/__proto__',
      '/www/package/@kim/box/v/1.1.0/files/nothing',
      '/www/package/@kim/box/v/1.1.0/files/../../x',
      '/www/package/@kim/box/v/1.1.0/raw',
      '/www/package/@kim/box/diff',
      '/www/package/@kim/box/diff?from=1.0.0&to=nothing',
      '/www/package/@kim/box/nothing',
      '/www/namespace/nobody',
      '/www/user/nobody',
      '/www/user/%00',
      '/www/admin/nothing',
      '/www/search?q=%00',
    ])
      expect((await read(path, kim)).status, path).toBeOneOf([400, 404])
    for (const path of [
      '/www/search?q=%25&page=-1',
      '/www/search?q=a&q=b&page=1e99',
      '/www/search?q=%25%5C_%27',
      '/www/package/@kim/box/versions?page=99999',
      '/www/admin/audit?before=x',
      '/www/admin/audit?actor=%25&action=__proto__&subject=%27',
      '/www/admin/policy?spec=%3Cb%3E',
      '/www/admin/policy?spec=left-pad@9.9.9',
      '/www/admin/mirror?page=999999',
    ])
      expect((await read(path, kim)).status, path).toBe(200)
  })
})
