import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import axe from 'axe-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestApp, testApp } from '../../support/app.ts'
import { cookieHeader, loggedIn, noBrowser, openBrowser, openTab } from '../../support/browser.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { type ScriptedUpstream, startUpstream, tarballPath } from '../../support/upstream.ts'

const PATH = '/www/admin/prefetch'
const LOCK = JSON.stringify({
  lockfileVersion: 3,
  packages: {
    'node_modules/left': { version: '1.0.0' },
    'node_modules/lost': { version: '9.9.9' },
    'node_modules/near': { version: '1.0.0', resolved: 'git+ssh://elsewhere.example/near.git' },
  },
})

const opened = new AsyncDisposableStack()
let upstream: ScriptedUpstream
let app: TestApp

beforeAll(async () => {
  upstream = opened.use(await startUpstream({ packages: { left: { '1.0.0': {} } } }))
  app = opened.use(await testApp({ upstream: upstream.url }))
  await app.user('kim', { admin: true })
  await app.user('lee')
})
afterAll(() => opened.disposeAsync())

async function send(name: string, change: (form: FormData) => void = () => {}): Promise<[number, string]> {
  const headers = { cookie: cookieHeader(await loggedIn(app, name)), accept: 'text/html' }
  const shown = await (await fetch(app.url + PATH, { headers })).text()
  const form = new FormData()
  form.set('form_key', /name="form_key" value="([^"]+)"/.exec(shown)?.[1] ?? '')
  form.set('file', new File([LOCK], 'package-lock.json'))
  change(form)
  const reply = await fetch(app.url + PATH, { method: 'POST', headers, body: form })
  return [reply.status, await reply.text()]
}

test('what a lock file asks for is fetched, and what cannot be had is named', async () => {
  const [status, text] = await send('kim')
  expect(status).toBe(200)
  expect(upstream.count(tarballPath('left', '1.0.0'))).toBe(1)
  expect(text).toContain('<progress max="2" value="2">')
  expect(text).toContain('<strong>lost@9.9.9</strong>: Could not find')
  expect(text).toContain('near@git+ssh://elsewhere.example/near.git')
  expect(text.trimEnd().endsWith('</html>')).toBe(true)
})

test('what is no lock file is refused, with what is allowed', async () => {
  const [status, text] = await send('kim', (form) => form.set('file', new File(['{}'], '<b>.txt')))
  expect([status, text]).toEqual([400, expect.stringContaining('is none of package-lock.json')])
  expect(text).not.toContain('<b>.txt')
  const [broken] = await send('kim', (form) => form.set('file', new File(['{'], 'package-lock.json')))
  expect(broken).toBe(400)
  const huge = new File([Buffer.alloc(33 * 2 ** 20, ' ')], 'package-lock.json')
  expect((await send('kim', (form) => form.set('file', huge)))[0]).toBe(413)
})

test('only an administrator may, and only with a form of this session', async () => {
  expect((await send('lee'))[0]).toBe(403)
  expect((await send('kim', (form) => form.set('form_key', 'forged')))[0]).toBe(403)
  const anonymous = await fetch(app.url + PATH, { headers: { accept: 'text/html' }, redirect: 'manual' })
  expect([302, 303, 401]).toContain(anonymous.status)
})

describe.skipIf(noBrowser)('in a browser', () => {
  test.each([true, false])('a file is chosen and given in (scripts: %s)', async (javaScriptEnabled) => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'package-lock.json')
    await writeFile(file, LOCK)
    await using opened = await openBrowser()
    await using visit = await openTab(opened.browser, {
      cookies: await loggedIn(app, 'kim'),
      javaScriptEnabled,
    })
    const { tab } = visit
    await tab.goto(app.url + PATH)
    await tab.getByLabel('Lock file').setInputFiles(file)
    await tab.getByRole('button', { name: 'Fetch' }).click()
    await tab.getByText('1 package could not be had.').waitFor()
    expect(await tab.getByText('lost@9.9.9').isVisible()).toBe(true)
    expect(visit.complaints).toEqual([])
  })

  test('a file is dropped on the form', async () => {
    await using opened = await openBrowser()
    await using visit = await openTab(opened.browser, { cookies: await loggedIn(app, 'kim') })
    const { tab } = visit
    await tab.goto(app.url + PATH)
    await tab.evaluate(axe.source)
    expect(await tab.evaluate('axe.run().then(({ violations }) => violations.map(({ id }) => id))')).toEqual(
      [],
    )
    const dropped = await tab.evaluateHandle((text) => {
      const data = new DataTransfer()
      data.items.add(new File([text], 'package-lock.json'))
      return data
    }, LOCK)
    await tab.dispatchEvent('form[data-drop]', 'drop', { dataTransfer: dropped })
    await tab.getByText('1 package could not be had.').waitFor()
    await tab.evaluate(axe.source)
    expect(await tab.evaluate('axe.run().then(({ violations }) => violations.map(({ id }) => id))')).toEqual(
      [],
    )
    expect(visit.complaints).toEqual([])
  })
})
