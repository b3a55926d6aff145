import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { onEveryEngine } from '../support/services.ts'

onEveryEngine('the audit log', (engine) => {
  test('tells who let whom in and out of a namespace and of a package, and from where', async () => {
    await using app = await testApp({ engine })
    const [kim, lee] = [await app.user('kim'), await app.user('lee')]
    const at = (namespace: string) => `/v1/namespaces/namespace/${namespace}@${app.host}`
    const answer = '/v1/users/user/memberships/invitations/boxes'
    const start = (await app.registry.audit.list())[0]?.seq ?? 0

    await kim.send('POST', '/v1/namespaces', { body: { name: 'boxes' } })
    const invite = () => kim.send('POST', `${at('boxes')}/members/lee`, {})
    await invite()
    await lee.send('DELETE', answer)
    await invite()
    await lee.send('POST', answer)
    await kim.send('PUT', '/-/org/boxes/user', { body: { user: 'lee', role: 'owner' } })
    await kim.send('DELETE', `${at('boxes')}/members/lee`)
    await kim.send('DELETE', `${at('boxes')}/members/lee`)
    await kim.publish('@kim/box', '1.0.0')
    await kim.send('PUT', '/-/package/@kim%2fbox/owners', { body: { user: 'lee' } })
    await kim.send('POST', '/-/package/@kim%2fbox/access', { body: { access: 'restricted' } })

    const entries = (await app.registry.audit.list()).filter(({ seq }) => seq > start).reverse()
    for (const { address } of entries) expect(address).toBe('127.0.0.1')
    expect(entries.map(({ actor, action, subject, detail }) => [actor, action, subject, detail])).toEqual([
      ['kim', 'namespace.create', 'boxes', {}],
      ['kim', 'member.invite', 'boxes', { member: 'lee' }],
      ['lee', 'member.decline', 'boxes', {}],
      ['kim', 'member.invite', 'boxes', { member: 'lee' }],
      ['lee', 'member.accept', 'boxes', {}],
      ['kim', 'member.role', 'boxes', { member: 'lee', role: 'owner' }],
      ['kim', 'member.remove', 'boxes', { member: 'lee' }],
      ['kim', 'package.create', '@kim/box', { by: 'kim' }],
      ['kim', 'package.publish', '@kim/box', { version: '1.0.0', by: 'kim' }],
      ['kim', 'package.maintainer', '@kim/box', { added: ['lee'], removed: [], by: 'kim' }],
      ['kim', 'package.access', '@kim/box', { access: 'restricted' }],
    ])
  })

  test('is read by who did it, what was done and to whom', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    await app.user('lee')
    await kim.publish('@kim/box', '1.0.0')
    const actions = async (query: Parameters<typeof app.registry.audit.list>[0]) =>
      (await app.registry.audit.list(query)).map(({ action }) => action)
    expect(await actions({ actor: 'kim' })).toEqual(['package.publish', 'package.create'])
    expect(await actions({ subject: 'lee' })).toEqual(['token.create', 'account.add'])
    expect(await actions({ action: 'package' })).toEqual(['package.publish', 'package.create'])
    expect(await actions({ action: 'account.add', subject: 'kim' })).toEqual(['account.add'])
    expect(await actions({ action: 'acc' })).toEqual([])
    expect(await actions({ action: '%' })).toEqual([])
  })
})
