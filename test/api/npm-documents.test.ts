import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import type { PublishDocument } from '../support/npm-user.ts'
import { onEveryEngine } from '../support/services.ts'
import { acme, grant } from '../support/teams.ts'

const BOX = '/@kim%2fbox'

onEveryEngine('a document without a tarball', (engine) => {
  test.each<[string, (document: PublishDocument) => void, string]>([
    ['no versions', (it) => Object.assign(it, { versions: {} }), 'names no versions'],
    ['other access', (it) => Object.assign(it, { access: 'restricted' }), 'npm access set status='],
    ['odd access', (it) => Object.assign(it, { access: 7 }), '"access" must be'],
    [
      'a tag on nothing',
      (it) => Object.assign(it['dist-tags'], { next: '9.9.9' }),
      '"9.9.9" that is not here',
    ],
    ['other owners', (it) => it.maintainers.push({ name: 'lee' }), 'npm owner'],
    ['no owners', (it) => Object.assign(it, { maintainers: [] }), 'npm owner'],
  ])('that asks for what it does not do is told the way: %s', async (_, spoil, why) => {
    await using app = await testApp({ engine })
    const { kim, lee } = await acme(app)
    await kim.publish('@kim/box', '1.0.0')
    await grant(kim, 'acme:ops', { permissions: 'read-write' })
    const before = (await kim.get(`${BOX}?write=true`)).json
    for (const who of [kim, lee]) {
      const document = structuredClone(before)
      spoil(document)
      const { status, json } = await who.send('PUT', BOX, { body: document })
      expect([status, json.error]).toEqual([400, expect.stringContaining(why)])
    }
    expect((await kim.get(`${BOX}?write=true`)).json).toEqual(before)
  })

  test('that says what stands already is taken, and changes nothing', async () => {
    await using app = await testApp({ engine })
    const { kim } = await acme(app)
    await kim.publish('@kim/box', '1.0.0')
    const { json: before } = await kim.get(`${BOX}?write=true`)
    for (const access of [undefined, null, 'public'])
      expect((await kim.send('PUT', BOX, { body: { ...before, access } })).status).toBe(201)
    expect((await kim.get(`${BOX}?write=true`)).json).toEqual(before)
  })
})
