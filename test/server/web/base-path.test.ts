import type { Browser, Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { Client, isInstalled } from '../../clients/client.ts'
import { type TestApp, type TestAppOptions, testApp } from '../../support/app.ts'
import { noBrowser, openBrowser, openTab, plugInKey } from '../../support/browser.ts'
import { crawl } from '../../support/crawler.ts'
import { FakeGithub } from '../../support/github.ts'
import { noNginx, startNginx } from '../../support/nginx.ts'
import { freePort } from '../../support/servers.ts'
import { showcase } from '../../support/showcase.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { Visitor } from '../../support/visitor.ts'

const PROXIES = [
  ['leaves the path on', false],
  ['takes the path off', true],
] as const

/** The newest there is. */
const NPM = isInstalled('npm@12') ? 'npm@12' : 'npm'

type Site = AsyncDisposable & { readonly app: TestApp; readonly root: string; readonly place: string }

/** A registry below a path of a proxy's. Passkeys belong to a host name; an address has none. */
async function siteBelowPath(takenOff: boolean, options: TestAppOptions = {}): Promise<Site> {
  await using opening = new AsyncDisposableStack()
  const port = await freePort()
  const root = `http://localhost:${port}/some/registry`
  const app = opening.use(await testApp({ ...options, publicUrl: root, trustProxy: true }))
  opening.use(await startNginx(port, [{ path: '/some/registry/', servers: [app.url], takenOff }]))
  const opened = opening.move()
  return { app, root, place: '/some/registry', [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

/** A tab, and every request it made to this site that was not below the path. */
async function watchedTab(browser: Browser, root: string) {
  const visit = await openTab(browser)
  const astray: string[] = []
  visit.tab.on('request', (request) => {
    const { origin } = new URL(root)
    if (request.url().startsWith(origin) && !request.url().startsWith(`${root}/`)) astray.push(request.url())
  })
  return Object.assign(visit, { astray })
}

async function logIn(tab: Page, root: string, name: string): Promise<void> {
  await tab.goto(`${root}/www/login`)
  await fillIn(tab, name)
  await tab.waitForURL(`${root}/www/tokens`)
}

async function fillIn(tab: Page, name: string): Promise<void> {
  await tab.getByLabel('User name').fill(name)
  await tab.getByLabel('Password').fill(`${name}-password`)
  await tab.getByRole('button', { name: 'Log in', exact: true }).click()
}

describe.skipIf(noNginx).each(PROXIES)('below a path, behind nginx that %s', (_, takenOff) => {
  test('every address on every page, and every redirect, leads below the path', async () => {
    const port = await freePort()
    const root = `http://127.0.0.1:${port}/some/registry`
    await using shown = await showcase({ publicUrl: root, trustProxy: true })
    await using proxy = await startNginx(port, [
      { path: '/some/registry/', servers: [shown.app.url], takenOff },
    ])
    const bare = await fetch(`${proxy.url}/some/registry`, { redirect: 'manual' })
    expect([bare.status, bare.headers.get('location')]).toEqual([301, '/some/registry/'])
    const not = /\/www\/login\/providers\// // they lead to hosts that are none
    const seen = new Map<string, number>()
    for (const { name, pages } of shown.onlookers) {
      const visitor = new Visitor(proxy.url)
      if (name !== undefined) {
        await visitor.get('/some/registry/www/login')
        await visitor.submit('/some/registry/www/login', { name, password: `${name}-password` })
      }
      const { statuses, astray } = await crawl(visitor, { root, starts: Object.values(pages), not })
      expect(astray).toEqual([])
      for (const [address, status] of statuses)
        seen.set(`${name ?? 'nobody'} ${address.slice(root.length)}`, status)
    }
    expect(seen.size).toBeGreaterThan(150)
    const failed = [...seen].filter(([, status]) => status >= 400).map(([page]) => page)
    expect(failed.filter((page) => !page.startsWith('max /www/admin'))).toEqual([
      'kim /www/package/@kim/nothing',
    ])
  }, 120_000)

  test.skipIf(noBrowser)(
    'the first account is made, publishes, looks around, invites, and logs out and in',
    async () => {
      await using github = await FakeGithub.open()
      const keys = { id: 'github', title: 'GitHub', client: 'app', secret: 'hush' }
      const providers = [{ ...keys, kind: 'github', site: github.url, api: `${github.url}/api` } as const]
      await using site = await siteBelowPath(takenOff, { signUp: false, providers })
      const { app, root } = site
      await using folder = await temporaryFolder()
      await using chromium = await openBrowser()
      await using visit = await watchedTab(chromium.browser, root)
      const { tab, complaints, astray } = visit
      await plugInKey(tab)
      await tab.goto(`${root}/www/signup?link=${await app.registry.signUp.setupSecret()}`)
      await tab.getByLabel('User name').fill('kim')
      await tab.getByLabel('Password').fill('kim-password')
      await tab.getByRole('button', { name: 'Make the account' }).click()
      await tab.waitForURL(`${root}/www/tokens`)
      await tab.getByLabel('Name', { exact: true }).fill('laptop')
      await tab.getByLabel('read, publish and change packages').check()
      await tab.getByRole('button', { name: 'Make the token' }).click()
      const token = (await tab.locator('code', { hasText: /^ent_/ }).textContent()) ?? ''
      const line = await tab.locator('code', { hasText: /^npm config set/ }).textContent()
      expect(line).toBe(`npm config set ${root.replace(/^http:/, '')}/:_authToken=${token}`)

      const npm = await Client.open('npm', { folder: folder.path, registry: root, token })
      for (const version of ['1.0.0', '1.1.0']) {
        await npm.write('package.json', { name: '@kim/box', version, description: 'Holds things' })
        await npm.write('lib/index.js', `module.exports = '${version}'\n`)
        expect(await npm.run('publish')).toMatchObject({ code: 0 })
      }
      await tab.getByLabel('entropic, home').click()
      expect(tab.url()).toBe(`${root}/`)
      await tab.getByText(`npm config set registry ${root}/`, { exact: true }).waitFor()
      await tab.getByRole('searchbox').fill('things')
      await tab.getByRole('button', { name: 'Search' }).click()
      await tab.getByRole('link', { name: '@kim/box' }).click()
      await tab.getByRole('link', { name: 'Files' }).click()
      await tab.getByRole('link', { name: 'lib/' }).click()
      await tab.getByRole('link', { name: 'index.js' }).click()
      await tab.getByText("module.exports = '1.1.0'").waitFor()
      await tab.getByRole('link', { name: 'Versions' }).click()
      await tab.getByRole('button', { name: 'Compare' }).click()
      await tab.getByRole('heading', { name: '2 files changed' }).waitFor()

      await tab.getByRole('link', { name: 'Admin' }).click()
      await tab.getByRole('link', { name: 'Users' }).click()
      await tab.getByRole('button', { name: 'Make a link' }).click()
      const invitation = (await tab.locator('.line-to-copy code').textContent()) ?? ''
      expect(invitation.startsWith(`${root}/www/signup?link=`)).toBe(true)
      await using invited = await watchedTab(chromium.browser, root)
      await invited.tab.goto(invitation)
      await invited.tab.getByLabel('User name').fill('lee')
      await invited.tab.getByLabel('Password').fill('lee-password')
      await invited.tab.getByRole('button', { name: 'Make the account' }).click()
      await invited.tab.waitForURL(`${root}/www/tokens`)

      await tab.getByTitle('Your account').click()
      await tab.getByRole('link', { name: 'Link GitHub' }).click()
      await tab.getByText('GitHub is linked.').waitFor()
      expect(tab.url()).toBe(`${root}/www/account`)
      await tab.getByRole('link', { name: 'Second factor' }).click()
      await tab.getByLabel('Name', { exact: true }).fill('blue key')
      await tab.locator('#passkey-password').fill('kim-password')
      await tab.getByRole('button', { name: 'Add a passkey' }).click()
      await tab.getByText('The passkey is added.').waitFor()
      const ways = [
        () => fillIn(tab, 'kim'),
        () => tab.getByRole('link', { name: 'Log in with GitHub' }).click(),
        () => tab.getByRole('button', { name: 'Log in with a passkey' }).click(),
      ]
      for (const enter of ways) {
        await tab.goto(`${root}/www/account`)
        await tab.getByRole('button', { name: 'Log out' }).click()
        await tab.waitForURL(`${root}/`)
        await tab.goto(`${root}/www/account/log`) // asks to log in first, and is come back to
        expect(new URL(tab.url()).pathname).toBe(`${site.place}/www/login`)
        await enter()
        await tab.waitForURL(`${root}/www/account/log`)
      }
      expect([...astray, ...invited.astray, ...complaints, ...invited.complaints]).toEqual([])
    },
    60_000,
  )

  test.skipIf(noBrowser)(
    'npm logs in through the browser, publishes, installs and unpublishes',
    async () => {
      await using site = await siteBelowPath(takenOff)
      const { app, root } = site
      await using folder = await temporaryFolder()
      await using chromium = await openBrowser()
      await using visit = await watchedTab(chromium.browser, root)
      const { tab } = visit
      await app.user('kim')
      const npm = await Client.open(NPM, { folder: folder.path, registry: root })
      const login = npm.start('login')
      await tab.goto(await login.printed(/http\S+\/www\/login\?cli=[\w-]+/))
      await fillIn(tab, 'kim')
      await tab.getByRole('heading', { name: 'Allow this computer?' }).waitFor()
      await tab.getByRole('button', { name: 'Allow' }).click()
      expect(await login.ended).toMatchObject({ code: 0 })
      expect(await npm.run('whoami')).toMatchObject({ code: 0, output: 'kim\n' })
      for (const version of ['1.0.0', '1.1.0']) {
        await npm.write('package.json', { name: '@kim/box', version })
        expect(await npm.run('publish')).toMatchObject({ code: 0 })
      }
      await npm.write('package.json', { name: 'project', version: '1.0.0' })
      expect(await npm.run('install', '@kim/box')).toMatchObject({ code: 0 })
      expect(await npm.run('dist-tag', 'add', '@kim/box@1.0.0', 'old')).toMatchObject({ code: 0 })
      expect(await npm.run('unpublish', '@kim/box@1.1.0')).toMatchObject({ code: 0 })
      const view = await npm.run('view', '@kim/box', 'dist.tarball')
      expect(view.output).toBe(`${root}/@kim/box/-/box-1.0.0.tgz\n`)
      expect(visit.astray).toEqual([])
    },
    120_000,
  )
})

test.skipIf(noNginx || noBrowser)(
  'three registries of one host know nothing of each other’s logins',
  async () => {
    const port = await freePort()
    const host = `http://127.0.0.1:${port}`
    await using opening = new AsyncDisposableStack()
    const paths = { '/': '', '/one/': '/one', '/two/': '/two' }
    const places = await Promise.all(
      Object.entries(paths).map(async ([path, base]) => {
        const app = opening.use(await testApp({ publicUrl: host + base, trustProxy: true }))
        await app.user(`user-of${base.replace('/', '-')}`)
        return { path, servers: [app.url], takenOff: path === '/one/' }
      }),
    )
    opening.use(await startNginx(port, places))
    const { browser } = opening.use(await openBrowser())
    await using visit = await openTab(browser)
    const { tab } = visit
    /** Who is logged in where. */
    const who = async () => {
      const names: string[] = []
      for (const base of Object.values(paths)) {
        await tab.goto(`${host}${base}/www/account`)
        names.push(
          tab.url().includes('/www/login')
            ? 'nobody'
            : await tab.getByRole('heading', { level: 1 }).innerText(),
        )
      }
      return names
    }
    await logIn(tab, host, 'user-of')
    expect(await who()).toEqual(['user-of', 'nobody', 'nobody'])
    await logIn(tab, `${host}/one`, 'user-of-one')
    await logIn(tab, `${host}/two`, 'user-of-two')
    expect(await who()).toEqual(['user-of', 'user-of-one', 'user-of-two'])
    await tab.goto(`${host}/one/www/account`)
    await tab.getByRole('button', { name: 'Log out' }).click()
    await tab.waitForURL(`${host}/one/`)
    expect(await who()).toEqual(['user-of', 'nobody', 'user-of-two'])
  },
  60_000,
)
