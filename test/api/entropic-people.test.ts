import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import type { NpmUser } from '../support/npm-user.ts'

const BOX = '/v1/packages/package/kim/box'
const KIM = '/v1/namespaces/namespace/kim'

async function objects(user: NpmUser, path: string): Promise<unknown> {
  const reply = await user.get(path)
  return reply.status === 200 ? reply.json.objects : reply.status
}

const acceptances = {
  'PKG/invitation/:member': `${BOX}/invitation/ali`,
  'PKG/maintainers/:member/invitation': `${BOX}/maintainers/ali/invitation`,
  'NS/maintainerships': '/v1/namespaces/namespace/ali/maintainerships/kim/box',
}

for (const [spelling, path] of Object.entries(acceptances))
  test(`an invitation to maintain is declined, sent again and accepted at ${spelling}`, async () => {
    await using app = await testApp()
    const [kim, ali, eve] = [await app.user('kim'), await app.user('ali'), await app.user('eve')]
    await kim.send('PUT', BOX, { body: {} })
    await kim.send('POST', `${BOX}/maintainers/ali`)
    expect(await objects(ali, '/v1/namespaces/namespace/ali/maintainerships/pending')).toHaveLength(1)
    expect(await objects(ali, '/v1/namespaces/namespace/ali/maintainerships?status=pending')).toHaveLength(1)
    expect(await objects(eve, '/v1/namespaces/namespace/ali/maintainerships/pending')).toBe(403)
    expect((await eve.send('POST', path)).status).toBe(403)
    expect((await ali.send('DELETE', path)).status).toBe(200)
    expect((await ali.send('POST', path)).status).toBe(404)
    await kim.send('POST', `${BOX}/maintainers/ali`)
    expect(await objects(kim, `${BOX}/maintainers`)).toEqual(['kim'])
    expect((await ali.send('PUT', BOX, { body: {} })).status).toBe(403)
    expect((await ali.send('POST', path)).status).toBe(200)
    expect(await objects(kim, `${BOX}/maintainers`)).toEqual(['ali', 'kim'])
    expect((await ali.send('PUT', BOX, { body: {} })).status).toBe(200)
  })

const memberAnswers = {
  'NS/members/invitation': `${KIM}/members/invitation`,
  'NS/members/:user/invitation': `${KIM}/members/ali/invitation`,
  'users/user/:user/memberships/:ns': '/v1/users/user/ali/memberships/kim',
  'users/user/memberships/invitations/:ns': '/v1/users/user/memberships/invitations/kim',
}

for (const [spelling, path] of Object.entries(memberAnswers))
  test(`an invitation to a namespace is declined, sent again and accepted at ${spelling}`, async () => {
    await using app = await testApp()
    const [kim, ali, eve] = [await app.user('kim'), await app.user('ali'), await app.user('eve')]
    await kim.send('POST', `${KIM}/members/ali`)
    expect(await objects(ali, '/v1/users/user/ali/memberships/pending')).toEqual([{ name: 'kim' }])
    expect(await objects(ali, '/v1/users/user/ali/memberships?status=pending')).toEqual([{ name: 'kim' }])
    expect(await objects(eve, '/v1/users/user/ali/memberships/pending')).toBe(403)
    expect([403, 404]).toContain((await eve.send('POST', path)).status)
    expect((await ali.send('DELETE', path)).status).toBe(200)
    expect((await ali.send('POST', path)).status).toBe(404)
    await kim.send('POST', `${KIM}/members/ali`)
    expect(await objects(kim, `${KIM}/members`)).toEqual(['kim'])
    expect((await ali.send('PUT', BOX, { body: {} })).status).toBe(403)
    expect((await ali.send('POST', path)).status).toBe(200)
    expect(await objects(kim, `${KIM}/members`)).toEqual(['ali', 'kim'])
    expect((await ali.send('PUT', BOX, { body: {} })).status).toBe(201)
  })

test('the last maintainer stays', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await app.user('ali')
  await kim.send('PUT', BOX, { body: {} })
  await kim.send('POST', `${BOX}/maintainers/ali`)
  expect((await kim.send('DELETE', `${BOX}/maintainers/kim`)).status).toBe(409)
  expect((await kim.send('DELETE', `${BOX}/maintainers/ali`)).status).toBe(200)
  expect(await objects(kim, `${BOX}/maintainers`)).toEqual(['kim'])
})

test('an owner is not removed by those it invited, and the last member stays', async () => {
  await using app = await testApp()
  const [kim, ali] = [await app.user('kim'), await app.user('ali')]
  await kim.send('POST', `${KIM}/members/ali`)
  await ali.send('POST', `${KIM}/members/invitation`)
  expect((await ali.send('DELETE', `${KIM}/members/kim`)).status).toBe(403)
  expect((await ali.send('DELETE', `${KIM}/members/ali`)).status).toBe(200)
  expect((await kim.send('DELETE', `${KIM}/members/kim`)).status).toBe(409)
  expect(await objects(kim, `${KIM}/members`)).toEqual(['kim'])
})

test('a user makes a namespace and owns what is in it', async () => {
  await using app = await testApp()
  const [kim, ali] = [await app.user('kim'), await app.user('ali')]
  const made = await kim.send('POST', '/v1/namespaces', { body: { name: 'team' } })
  expect([made.status, made.json]).toEqual([201, { name: 'team' }])
  expect((await kim.send('PUT', '/v1/packages/package/team/x', { body: {} })).status).toBe(201)
  expect((await ali.send('PUT', '/v1/packages/package/team/y', { body: {} })).status).toBe(403)
  for (const [name, status] of [
    ['team', 409],
    ['legacy', 409],
    ['ali', 409],
    ['No!', 400],
  ] as const)
    expect((await kim.send('POST', '/v1/namespaces', { body: { name } })).status, name).toBe(status)
  expect((await app.anonymous().send('POST', '/v1/namespaces', { body: { name: 'z' } })).status).toBe(403)
  expect(await objects(kim, '/v1/namespaces')).toEqual(['abandonware', 'ali', 'kim', 'legacy', 'team'])
  expect(await objects(ali, '/v1/users/user/kim/memberships')).toEqual([{ name: 'kim' }, { name: 'team' }])
})

test('an invitation is answered by the link that came with it, and by no other', async () => {
  await using app = await testApp()
  const [kim, lee] = [await app.user('kim'), await app.user('lee')]
  await kim.send('PUT', '/v1/packages/package/kim/box', { body: {} })
  const invited = await kim.send('POST', '/v1/packages/package/kim/box/maintainers/lee')
  const [, link = ''] = /^<(.+)>; rel="invitation"$/.exec(invited.headers.get('link') ?? '') ?? []
  const path = link.slice(app.url.length)
  const other = path.replace(/[^/]+$/, '00000000-0000-4000-8000-000000000000')
  expect((await lee.send('POST', other)).status).toBe(404)
  expect((await kim.send('POST', path)).status).toBe(403)
  expect((await lee.send('POST', path)).status).toBe(200)
  expect((await lee.send('POST', path)).status).toBe(404)
  expect((await kim.get('/v1/packages/package/kim/box/maintainers')).json.objects).toEqual(['kim', 'lee'])
})
