import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { join } from '../support/join.ts'
import { onEveryEngine } from '../support/services.ts'

onEveryEngine('npm owners', (engine) => {
  test('an owner added by the document of npm owner may publish at once, and a stale document is refused', async () => {
    await using app = await testApp({ engine })
    const [kim, lee] = [await app.user('kim'), await app.user('lee')]
    await kim.publish('@kim/box', '1.0.0')
    expect((await lee.publish('@kim/box', '1.1.0')).status).toBe(403)
    const { _rev } = (await kim.get('/@kim%2fbox?write=true')).json
    const body = { _id: '@kim/box', _rev, maintainers: [{ name: 'kim' }, { name: 'lee', email: 'forged' }] }
    const put = () => kim.send('PUT', `/@kim%2fbox/-rev/${_rev}`, { body })
    expect((await put()).status).toBe(201)
    expect((await put()).status).toBe(409)
    expect((await lee.publish('@kim/box', '1.1.0')).status).toBe(201)
    const names = (await kim.get('/@kim%2fbox')).json.maintainers.map((one: { name: string }) => one.name)
    expect(names).toEqual(['kim', 'lee'])
  })

  test('nobody but an owner changes owners, unknown ones are not found, and the last one stays', async () => {
    await using app = await testApp({ engine })
    const [kim, lee] = [await app.user('kim'), await app.user('lee')]
    await kim.publish('@kim/box', '1.0.0')
    const owners = '/-/package/@kim%2fbox/owners'
    expect((await lee.send('PUT', owners, { body: { user: 'lee' } })).status).toBe(403)
    expect((await app.anonymous().send('PUT', owners, { body: { user: 'lee' } })).status).toBe(401)
    expect((await kim.send('PUT', owners, { body: { user: 'nobody' } })).status).toBe(404)
    expect((await kim.send('DELETE', `${owners}/kim`)).status).toBe(409)
    expect((await kim.send('PUT', owners, { body: { user: 'lee' } })).status).toBe(200)
    expect((await lee.send('DELETE', `${owners}/kim`)).status).toBe(200)
    expect((await lee.get(owners)).json).toEqual([{ username: 'lee', email: '' }])
    expect((await kim.publish('@kim/box', '1.1.0')).status).toBe(403)
  })

  test('an owner who is one as a member of a namespace leaves there', async () => {
    await using app = await testApp({ engine })
    const [kim, lee] = [await app.user('kim'), await app.user('lee')]
    await kim.publish('@kim/box', '1.0.0')
    await join(app, 'kim', [kim, lee])
    const refused = await kim.send('DELETE', '/-/package/@kim%2fbox/owners/lee')
    expect([refused.status, refused.json.error]).toEqual([409, expect.stringContaining('as a member of kim')])
  })

  test('what Yarn classic sends to add an owner changes nothing', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    await app.user('lee')
    await kim.publish('@kim/box', '1.0.0')
    const body = { _id: '@kim/box', maintainers: [{ name: 'lee' }] }
    expect((await kim.send('PUT', '/@kim%2fbox/-rev/undefined', { body })).status).toBe(409)
    expect((await kim.get('/@kim%2fbox')).json.maintainers).toEqual([{ name: 'kim', email: '' }])
  })

  test('a star is kept for its user and leaves the package as it was', async () => {
    await using app = await testApp({ engine })
    const [kim, lee] = [await app.user('kim'), await app.user('lee')]
    await kim.publish('@kim/box', '1.0.0')
    const before = (await kim.get('/@kim%2fbox')).bytes
    const star = (users: object, command: string) =>
      lee.send('PUT', '/@kim%2fbox', {
        body: { _id: '@kim/box', users },
        headers: { 'npm-command': command },
      })
    expect((await star({ lee: true }, 'star')).status).toBe(201)
    const starred = () => lee.get('/-/_view/starredByUser?key=%22lee%22')
    expect((await starred()).json).toEqual({ rows: [{ value: '@kim/box' }] })
    expect((await lee.get('/-/user/v1/star')).json).toEqual(['@kim/box'])
    expect((await star({}, 'unstar')).status).toBe(201)
    expect((await starred()).json).toEqual({ rows: [] })
    expect((await kim.get('/@kim%2fbox')).bytes.equals(before)).toBe(true)
  })
})
