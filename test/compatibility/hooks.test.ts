import { expect } from 'vitest'
import { Receiver } from '../support/receiver.ts'
import { row } from './rows.ts'
import { works } from './stage.ts'

row(
  { number: 112, statement: 'npm hook adds, lists, updates and removes webhooks', clients: ['npm@10'] },
  async (stage, name) => {
    await using receiver = await Receiver.start()
    const { app, wire, kim } = await stage.registry({ webhooks: { privateAddresses: true } })
    await kim.publish('@kim/box', '1.0.0')
    const client = await stage.client(name, wire, { token: kim.token })
    await works(client, 'hook', 'add', '@kim/box', 'http://127.0.0.1:9/', 'a shared secret')
    await works(client, 'hook', 'add', '@kim', receiver.url, 'a shared secret')
    const [{ id }] = JSON.parse(await works(client, 'hook', 'ls', '@kim/box', '--json'))
    expect(await works(client, 'hook', 'update', id, receiver.url, 'another secret')).toContain(receiver.url)
    await kim.publish('@kim/box', '1.1.0')
    await app.registry.courier.deliverDue()
    expect(receiver.events).toEqual(['package:publish', 'package:publish'])
    expect(await works(client, 'hook', 'ls')).toContain('You have 2 hooks configured')
    expect(await works(client, 'hook', 'rm', id)).toContain('@kim/box')
    expect(await works(client, 'hook', 'ls')).toContain('You have 1 hook configured')
  },
)
