import { randomBytes } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { describe, expect, inject, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { FaultyProxy } from '../support/faulty-proxy.ts'
import { s3Address } from '../support/s3.ts'
import { missing } from '../support/services.ts'
import { packageTarball } from '../support/tarball.ts'

const gunzipped = async (reply: Response) => gunzipSync(await reply.arrayBuffer()).toString()
const BOX = '/box/-/box-1.0.0.tgz'

describe.skipIf(missing.s3)(missing.s3 ?? 'a registry over S3', () => {
  test.for([
    { copies: 'with copies', budget: 2 ** 30, read: 200 },
    { copies: 'without copies', budget: 0, read: 503 },
  ])(
    'that goes away, $copies, answers 503 where it must, loses nothing and recovers',
    async ({ budget, read }) => {
      await using proxy = await FaultyProxy.start(inject('s3').url ?? '')
      const address = await s3Address(`http://127.0.0.1:${proxy.port}`)
      await using app = await testApp({ storage: { s3: { address, budget, redirect: false } } })
      const kim = await app.user('kim')
      // Larger than what is kept in memory.
      const tarball = await packageTarball(
        { name: 'box', version: '1.0.0' },
        { noise: randomBytes(3_000_000) },
      )
      expect((await kim.publish('box', '1.0.0', { tarball })).status).toBe(201)

      proxy.become('gone')
      expect((await kim.get(BOX)).status).toBe(read)
      expect((await kim.get('/box')).status).toBe(200)
      for (const refused of [await kim.publish('box', '1.1.0'), await kim.publish('bag', '1.0.0')]) {
        expect(refused.status).toBe(503)
        expect(refused.headers.get('retry-after')).toBe('5')
      }
      expect(Object.keys((await kim.get('/box')).json.versions)).toEqual(['1.0.0'])

      proxy.become('none')
      expect((await kim.publish('box', '1.1.0')).status).toBe(201)
      expect((await kim.get(BOX)).bytes.equals(tarball)).toBe(true)
      expect((await app.registry.upkeep.verify()).damages).toEqual([])
    },
  )

  test('that is silent stops nobody who can do without', async () => {
    await using proxy = await FaultyProxy.start(inject('s3').url ?? '')
    const address = await s3Address(`http://127.0.0.1:${proxy.port}`)
    await using app = await testApp({ storage: { s3: { address, budget: 0, redirect: false } } })
    const kim = await app.user('kim')
    await kim.publish('box', '1.0.0')
    proxy.become('silence')
    const waiting = Array.from({ length: 200 }, () => kim.get(BOX))
    expect((await kim.get('/box')).status).toBe(200)
    expect((await kim.get('/-/whoami')).status).toBe(200)
    proxy.become('none')
    expect(new Set((await Promise.all(waiting)).map(({ status }) => status))).toEqual(new Set([200]))
  })

  test('may send those who may have a tarball there, for a while', async () => {
    const address = await s3Address()
    await using app = await testApp({ storage: { s3: { address, budget: 2 ** 20, redirect: true } } })
    const [kim, lee] = [await app.user('kim'), await app.user('lee')]
    await kim.publish('box', '1.0.0')
    await kim.publish('@kim/bag', '1.0.0', { spoil: (it) => (it.access = 'restricted') })

    expect((await lee.get('/@kim/bag/-/bag-1.0.0.tgz')).status).toBe(404)
    expect((await lee.send('HEAD', BOX)).status).toBe(200)
    for (const reply of [await kim.get('/@kim/bag/-/bag-1.0.0.tgz'), await app.anonymous().get(BOX)]) {
      expect(reply).toMatchObject({ status: 302 })
      expect(reply.headers.get('cache-control')).toBe('no-store')
      const there = new URL(reply.headers.get('location') ?? '')
      expect(there.searchParams.get('X-Amz-Expires')).toBe('300')
      expect(await gunzipped(await fetch(there))).toContain('"version":"1.0.0"')
      there.searchParams.set('X-Amz-Expires', '3000')
      expect((await fetch(there)).status).toBe(403)
    }
  })
})
