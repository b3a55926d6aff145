import { expect, test } from 'vitest'
import { type Clock, type Millis, minutes } from '../../src/base/time.ts'
import { type TestApp, testApp } from '../support/app.ts'
import { logInAcross } from '../support/cli-login.ts'
import { NpmUser } from '../support/npm-user.ts'
import { onEveryEngine } from '../support/services.ts'
import { Visitor } from '../support/visitor.ts'

const skewed = (by: Millis): Clock => ({ now: () => Date.now() + by })
const at = ({ url }: TestApp, { name, token }: NpmUser) => new NpmUser(url, name, token)
const both = ['early', 'late'] as const

onEveryEngine('servers whose clocks are minutes apart', ({ place }) => {
  /** Over one database; the clock of `early` is four minutes behind that of `late`, and the database's is between them. */
  async function apart() {
    await using opening = new AsyncDisposableStack()
    const { config: storage } = opening.use(await place())
    const open = async (by: Millis) => opening.use(await testApp({ storage, clock: skewed(by) }))
    const [early, late] = [await open(-minutes(2)), await open(minutes(2))]
    const kim = await late.user('kim')
    const opened = opening.move()
    return { early, late, kim, [Symbol.asyncDispose]: () => opened.disposeAsync() }
  }

  test.each(both)('a browser session begun on the %s one holds on both, and ends on both', async (first) => {
    await using servers = await apart()
    const other = servers[first === 'early' ? 'late' : 'early']
    const here = new Visitor(servers[first].url)
    await here.logIn('kim')
    const there = new Visitor(other.url, here.cookies)
    expect((await there.get('/www/account')).path).toBe('/www/account')
    expect((await here.get('/www/account')).path).toBe('/www/account')
    const copied = new Visitor(servers[first].url, here.cookies.copy())
    await there.submit('/www/logout')
    expect((await copied.get('/www/account')).path).toContain('/www/login')
  })

  test.each(both)('a login begun on the %s one gives a token that both take', async (first) => {
    await using servers = await apart()
    const [begin, allow] = first === 'early' ? both : both.toReversed()
    const places = { begin: servers[begin].url, allow: servers[allow].url, finish: servers[begin].url }
    const user = await logInAcross(places, { path: '/-/v1/login', name: 'kim' })
    for (const name of both)
      expect((await at(servers[name], user).get('/-/whoami')).json).toEqual({ username: 'kim' })
  })

  test.each(both)('a token of one hour made on the %s one is taken by both', async (first) => {
    await using servers = await apart()
    const { secret } = await servers[first].registry.tokens.issue({
      accountName: 'kim',
      description: 'short',
      access: 'publish',
      lifetime: minutes(60),
    })
    for (const name of both)
      expect((await new NpmUser(servers[name].url, 'kim', secret).get('/-/whoami')).status).toBe(200)
  })

  test.each(both)('a pass given on the %s one is taken by the other', async (first) => {
    await using servers = await apart()
    const other = servers[first === 'early' ? 'late' : 'early']
    const caller = await other.registry.tokens.identify(servers.kim.token ?? '')
    if (caller?.kind !== 'user') throw new Error('the token is kim’s')
    const { logins } = servers[first].registry
    const by = { actor: 'kim', address: '10.0.0.1' }
    const waiting = { description: '', address: '10.0.0.1', agent: 'npm/11' }
    const { id, poll } = await logins.beginOtp(caller, waiting)
    await other.registry.logins.allow(id, caller, by)
    expect(await logins.claim(poll)).toMatchObject({ state: 'done', username: 'kim' })
  })

  test('a publish sent again to the other one is the same publish', async () => {
    await using servers = await apart()
    const files = { 'index.js': 'one' }
    for (const name of ['late', 'early', 'late'] as const)
      expect((await at(servers[name], servers.kim).publish('@kim/box', '1.0.0', { files })).status).toBe(201)
  })

  test('whoever knows the state of the late one by its date is told what the early one changed', async () => {
    await using servers = await apart()
    const { early, late, kim } = servers
    await kim.publish('@kim/box', '1.0.0')
    const known = (await kim.get('/@kim%2fbox')).headers.get('last-modified') ?? ''
    await at(early, kim).publish('@kim/box', '1.1.0')
    for (const server of [early, late]) {
      const reply = await at(server, kim).get('/@kim%2fbox', { 'if-modified-since': known })
      expect([reply.status, Object.keys(reply.json.versions ?? {}).toSorted()]).toEqual([
        200,
        ['1.0.0', '1.1.0'],
      ])
    }
  })
})
