import { Secret, TOTP } from 'otpauth'
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { Client } from '../../../clients/client.ts'
import { type TestApp, testApp } from '../../../support/app.ts'
import { noBrowser, openBrowser, openTab, plugInKey } from '../../../support/browser.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

/** Passkeys belong to a host name; an address has none. */
const atLocalhost = (app: TestApp) => app.url.replace('127.0.0.1', 'localhost')

async function logIn(tab: Page, site: string, name: string): Promise<void> {
  await tab.goto(`${site}/www/login`)
  await tab.getByLabel('User name').fill(name)
  await tab.getByLabel('Password').fill(`${name}-password`)
  await tab.getByRole('button', { name: 'Log in', exact: true }).click()
  await tab.waitForURL(({ pathname }) => pathname !== '/www/login')
}

/** Begins a login with the requests of the original command line, and asks as it does whether it is done. */
async function beginAsDs(registry: string) {
  const headers = { 'user-agent': 'npm-registry-fetch@3.9.0/node@v12.4.0+x64 (linux)', 'npm-in-ci': 'false' }
  const reply = await fetch(`${registry}/-/v1/login`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ hostname: 'kims-laptop' }),
  })
  // What the registry answers.
  const { loginUrl, doneUrl } = (await reply.json()) as { loginUrl: string; doneUrl: string }
  const ready = async () => {
    const polled = await fetch(doneUrl, { headers })
    const body = (await polled.json()) as { token?: string } // as above
    return { status: polled.status, ...body }
  }
  return { loginUrl, ready }
}

describe.skipIf(noBrowser)('in a browser', () => {
  test('set-up link, first account, token, npm publish with it, two versions compared, revoked, publish refused', async () => {
    await using app = await testApp({ signUp: false })
    await using folder = await temporaryFolder()
    await using chromium = await openBrowser()
    await using visit = await openTab(chromium.browser)
    const { tab, complaints } = visit
    await tab.goto(`${app.url}/www/signup?link=${await app.registry.signUp.setupSecret()}`)
    await tab.getByLabel('User name').fill('kim')
    await tab.getByLabel('Password').fill('correct horse battery')
    await tab.getByRole('button', { name: 'Make the account' }).click()
    await tab.getByLabel('Name', { exact: true }).fill('laptop')
    await tab.getByLabel('read, publish and change packages').check()
    await tab.getByRole('button', { name: 'Make the token' }).click()
    const token = (await tab.locator('code', { hasText: /^ent_/ }).textContent()) ?? ''

    const npm = await Client.open('npm', { folder: folder.path, registry: app.url, token })
    for (const version of ['1.0.0', '1.1.0']) {
      await npm.write('package.json', { name: '@kim/box', version })
      await npm.write('index.js', `module.exports = '${version}'\n`)
      expect(await npm.run('publish')).toMatchObject({ code: 0 })
    }
    await tab.goto(`${app.url}/www/package/@kim/box`)
    expect(await tab.getByRole('heading', { level: 1 }).textContent()).toContain('@kim/box')
    await tab.getByRole('link', { name: 'Versions' }).click()
    await tab.getByLabel('From').selectOption('1.0.0')
    await tab.getByRole('button', { name: 'Compare' }).click()
    await tab.getByRole('heading', { name: '2 files changed' }).waitFor()
    const changes = tab.getByLabel('Changes of index.js')
    expect(await changes.locator('.del').innerText()).toContain("-module.exports = '1.0.0'")
    expect(await changes.locator('.add').innerText()).toContain("+module.exports = '1.1.0'")

    await tab.goto(`${app.url}/www/tokens`)
    await tab.getByRole('button', { name: 'Revoke laptop' }).click()
    await tab.getByText('The token is revoked.').waitFor()
    await npm.write('package.json', { name: '@kim/box', version: '1.2.0' })
    const refused = await npm.run('publish')
    expect(refused).toMatchObject({ code: 1, output: expect.stringMatching(/E401|ENEEDAUTH/) })
    expect(complaints).toEqual([])
  })

  test('npm login goes through the browser', async () => {
    await using app = await testApp()
    await using folder = await temporaryFolder()
    await using chromium = await openBrowser()
    await using visit = await openTab(chromium.browser)
    const { tab, complaints } = visit
    await app.user('kim')
    const npm = await Client.open('npm', { folder: folder.path, registry: app.url })
    const login = npm.start('login')
    await tab.goto(await login.printed(/http\S+\/www\/login\?cli=[\w-]+/))
    await tab.getByLabel('User name').fill('kim')
    await tab.getByLabel('Password').fill('kim-password')
    await tab.getByRole('button', { name: 'Log in', exact: true }).click()
    await tab.getByRole('heading', { name: 'Allow this computer?' }).waitFor()
    await tab.getByRole('button', { name: 'Allow' }).click()
    expect(await login.ended).toMatchObject({ code: 0 })
    expect(await npm.run('whoami')).toMatchObject({ code: 0, output: 'kim\n' })
    expect(complaints).toEqual([])
  })

  test('ds login goes through the browser, and who denies it gives nothing away', async () => {
    await using app = await testApp()
    await using chromium = await openBrowser()
    await using visit = await openTab(chromium.browser)
    const { tab } = visit
    await app.user('kim')
    await logIn(tab, app.url, 'kim')
    for (const said of ['Allow', 'Deny']) {
      const { loginUrl, ready } = await beginAsDs(app.url)
      expect(await ready()).toMatchObject({ status: 202 })
      await tab.goto(loginUrl)
      await tab.getByText('kims-laptop').waitFor()
      await tab.getByRole('button', { name: said, exact: true }).click()
      await tab.getByRole('heading', { name: said === 'Allow' ? 'Done' : 'Denied' }).waitFor()
      const { status, token = '' } = await ready()
      if (said === 'Deny') expect([status, token]).toEqual([410, ''])
      else expect(await app.registry.tokens.identify(token)).toMatchObject({ name: 'kim', mayPublish: true })
    }
  })

  test('an invitation makes one account, and serves nobody a second time', async () => {
    await using app = await testApp({ signUp: false })
    await using chromium = await openBrowser()
    await app.user('kim', { admin: true })
    await using inviting = await openTab(chromium.browser)
    await logIn(inviting.tab, app.url, 'kim')
    await inviting.tab.goto(`${app.url}/www/admin/users`)
    await inviting.tab.getByRole('button', { name: 'Make a link' }).click()
    const invitation = (await inviting.tab.locator('.line-to-copy code').textContent()) ?? ''

    await using invited = await openTab(chromium.browser)
    const { tab } = invited
    await tab.goto(invitation)
    await tab.getByLabel('User name').fill('lee')
    await tab.getByLabel('Password').fill('lee-password')
    await tab.getByRole('button', { name: 'Make the account' }).click()
    await tab.waitForURL('**/www/tokens')
    expect((await app.registry.accounts.find('lee'))?.admin).toBe(false)
    expect((await tab.goto(`${app.url}/www/admin`))?.status()).toBe(403)

    await using late = await openTab(chromium.browser)
    expect((await late.tab.goto(invitation))?.status()).toBe(403)
    expect((await late.tab.goto(`${app.url}/www/signup`))?.status()).toBe(403)
  })

  test('one session is ended from another; that one is logged out, and the others stay', async () => {
    await using app = await testApp()
    await using chromium = await openBrowser()
    await app.user('kim')
    await using laptop = await openTab(chromium.browser, { userAgent: 'laptop' })
    await using phone = await openTab(chromium.browser, { userAgent: 'phone' })
    await using tablet = await openTab(chromium.browser, { userAgent: 'tablet' })
    for (const { tab } of [laptop, phone, tablet]) await logIn(tab, app.url, 'kim')
    await laptop.tab.goto(`${app.url}/www/account`)
    const sessions = laptop.tab.getByRole('region', { name: 'Sessions' }).getByRole('listitem')
    await sessions.filter({ hasText: 'phone' }).getByRole('button', { name: 'End' }).click()
    await laptop.tab.getByText('The session has ended.').waitFor()
    expect(await sessions.count()).toBe(2)
    await phone.tab.goto(`${app.url}/www/account`)
    expect(new URL(phone.tab.url()).pathname).toBe('/www/login')
    await tablet.tab.goto(`${app.url}/www/account`)
    expect(new URL(tablet.tab.url()).pathname).toBe('/www/account')
  })

  test('the second factor is set up by its key, and asked for at the next login', async () => {
    await using app = await testApp()
    await using chromium = await openBrowser()
    await app.user('kim')
    await using visit = await openTab(chromium.browser)
    const { tab } = visit
    const site = atLocalhost(app)
    await logIn(tab, site, 'kim')
    await tab.goto(`${site}/www/account/second-factor`)
    await tab.locator('#password').fill('kim-password')
    await tab.getByRole('button', { name: 'Set it up' }).click()
    await tab.getByRole('img', { name: 'QR code' }).waitFor()
    const key = (await tab.locator('.line-to-copy code').textContent()) ?? ''
    const totp = new TOTP({ secret: Secret.fromBase32(key) })
    const now = Date.now()
    await tab.getByLabel('The six digits').fill(totp.generate({ timestamp: now - 30_000 }))
    await tab.getByRole('button', { name: 'Turn it on' }).click()
    await tab.getByRole('heading', { name: 'Recovery codes' }).waitFor()

    await using other = await openTab(chromium.browser)
    await logIn(other.tab, site, 'kim')
    await other.tab.goto(`${site}/www/account`)
    expect(other.tab.url()).toContain('/www/login') // the password alone opens nothing
    await other.tab.goto(`${site}/www/login/code`)
    await other.tab.getByLabel('One-time password').fill(totp.generate({ timestamp: now }))
    await other.tab.getByRole('button', { name: 'Go on' }).click()
    await other.tab.waitForURL('**/www/tokens')
  })

  test('a passkey is added and logs in alone', async () => {
    await using app = await testApp()
    await using chromium = await openBrowser()
    await app.user('kim')
    await using visit = await openTab(chromium.browser)
    const { tab, complaints } = visit
    const site = atLocalhost(app)
    await plugInKey(tab)
    await logIn(tab, site, 'kim')
    await tab.goto(`${site}/www/account/second-factor`)
    await tab.getByLabel('Name', { exact: true }).fill('blue key')
    await tab.locator('#passkey-password').fill('kim-password')
    await tab.getByRole('button', { name: 'Add a passkey' }).click()
    await tab.getByText('The passkey is added.').waitFor()
    await tab.goto(`${site}/www/account`)
    await tab.getByRole('button', { name: 'Log out' }).click()
    await tab.goto(`${site}/www/login`)
    await tab.getByRole('button', { name: 'Log in with a passkey' }).click()
    await tab.waitForURL('**/www/tokens')
    expect(await tab.getByRole('link', { name: 'kim', exact: true }).count()).toBe(1)
    expect(complaints).toEqual([])
  })
})
