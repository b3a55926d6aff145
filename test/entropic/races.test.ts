import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { onEveryStorage } from '../support/services.ts'
import { publishForm } from './form.ts'

const BOX = '/v1/packages/package/kim/box'
const KIM = '/v1/namespaces/namespace/kim'

onEveryStorage('at once', (engine) => {
  test('of many who publish one version, one succeeds', async () => {
    await using place = await engine.place()
    await using app = await testApp({ storage: place.config })
    const kim = await app.user('kim')
    await kim.send('PUT', BOX, { body: {} })
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        kim.send('PUT', `${BOX}/versions/1.0.0`, { body: publishForm({ a: String(index) }) }),
      ),
    )
    const statuses = replies.map((reply) => reply.status).sort()
    expect(statuses).toEqual([201, ...Array(19).fill(409)])
  })

  test('many versions are all there, and latest is the highest', async () => {
    await using place = await engine.place()
    await using app = await testApp({ storage: place.config })
    const kim = await app.user('kim')
    await kim.send('PUT', BOX, { body: {} })
    const versions = Array.from({ length: 20 }, (_, patch) => `1.0.${patch}`)
    await Promise.all(
      versions.map((version) =>
        kim.send('PUT', `${BOX}/versions/${version}`, { body: publishForm({ a: '' }) }),
      ),
    )
    const box = (await kim.get(BOX)).json
    expect(Object.keys(box.versions).sort()).toEqual(versions.sort())
    expect(box.tags).toEqual({ latest: '1.0.19' })
  })

  test('maintainers and members who remove each other leave one behind', async () => {
    await using place = await engine.place()
    await using app = await testApp({ storage: place.config })
    const [kim, ali] = [await app.user('kim'), await app.user('ali')]
    await kim.send('PUT', BOX, { body: {} })
    await kim.send('POST', `${BOX}/maintainers/ali`)
    await ali.send('POST', `${BOX}/invitation/ali`)
    await Promise.all([
      kim.send('DELETE', `${BOX}/maintainers/ali`),
      ali.send('DELETE', `${BOX}/maintainers/kim`),
    ])
    expect((await kim.get(`${BOX}/maintainers`)).json.objects).toHaveLength(1)
    await Promise.all([1, 2, 3].map(() => kim.send('DELETE', `${KIM}/members/kim`)))
    expect((await kim.get(`${KIM}/members`)).json.objects).toEqual(['kim'])
  })
})
