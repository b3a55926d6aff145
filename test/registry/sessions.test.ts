import { expect, test } from 'vitest'
import { hours } from '../../src/base/time.ts'
import { testApp } from '../support/app.ts'
import { TurnedClock } from '../support/mirror.ts'
import { onEveryEngine } from '../support/services.ts'

const use = { lifetime: hours(1), address: '10.0.0.1', agent: 'a browser' }

onEveryEngine('sessions', ({ place }) => {
  async function open() {
    const clock = new TurnedClock()
    const at = await place()
    const app = await testApp({ storage: at.config, clock })
    await app.user('kim')
    const { id: accountId = '' } = (await app.registry.accounts.find('kim')) ?? {}
    const end = async () => {
      await app[Symbol.asyncDispose]()
      await at[Symbol.asyncDispose]()
    }
    const { sessions } = app.registry
    return { app, clock, sessions, data: { accountId, color: 'red' }, [Symbol.asyncDispose]: end }
  }

  test('a session is found by its key alone, which the database does not hold', async () => {
    await using at = await open()
    await at.sessions.open('the key', at.data, use)
    expect(await at.sessions.read('the key')).toEqual(at.data)
    expect(await at.sessions.who('the key')).toMatchObject({ kind: 'user', name: 'kim' })
    expect(await at.sessions.read('another')).toBeUndefined()
    const rows = await at.app.storage.sql.read.selectFrom('session').selectAll().execute()
    expect(JSON.stringify(rows)).not.toContain('the key')
  })

  test('a session that was ended is nobody’s at once, and a late write does not bring it back', async () => {
    await using at = await open()
    await at.sessions.open('the key', at.data, use)
    await at.sessions.drop('the key')
    await at.sessions.write('the key', { ...at.data, color: 'blue' }, use)
    expect(await at.sessions.who('the key')).toEqual({ kind: 'anonymous' })
    expect(await at.sessions.read('the key')).toBeUndefined()
  })

  test('a session ends with its time, and with its account', async () => {
    await using at = await open()
    await at.sessions.open('first', at.data, use)
    at.clock.turn(hours(1))
    expect(await at.sessions.who('first')).toEqual({ kind: 'anonymous' })
    await at.sessions.open('second', at.data, use)
    await at.app.registry.accounts.disable('kim')
    expect(await at.sessions.who('second')).toEqual({ kind: 'anonymous' })
  })

  test('a new password ends all sessions but the one it was set in', async () => {
    await using at = await open()
    await at.sessions.open('here', at.data, use)
    await at.sessions.open('there', at.data, use)
    const here = await at.sessions.who('here')
    const keepSession = here.kind === 'user' ? here.sessionId : undefined
    await at.app.registry.accounts.setPassword('kim', 'another password', { keepSession })
    expect((await at.sessions.who('here')).kind).toBe('user')
    expect((await at.sessions.who('there')).kind).toBe('anonymous')
  })
})
