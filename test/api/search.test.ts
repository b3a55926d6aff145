import { expect, test } from 'vitest'
import { days, hours } from '../../src/base/time.ts'
import { testApp } from '../support/app.ts'
import { TurnedClock } from '../support/mirror.ts'
import type { NpmUser, PublishDocument } from '../support/npm-user.ts'
import { onEveryEngine } from '../support/services.ts'
import { startUpstream } from '../support/upstream.ts'

async function found(user: NpmUser, query: string): Promise<{ names: string[]; total: number }> {
  const { json } = await user.get(`/-/v1/search?${query}`)
  const names = json.objects.map((one: { package: { name: string } }) => one.package.name)
  return { names, total: json.total }
}

onEveryEngine('search', (engine) => {
  test('finds by name, keyword and description, the exact name first', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    await kim.publish('@kim/shelf', '1.0.0', { manifest: { description: 'holds any box' } })
    await kim.publish('@kim/boxes', '1.0.0')
    await kim.publish('@kim/lid', '1.0.0', { manifest: { keywords: ['box'] } })
    await kim.publish('@kim/box', '1.0.0')
    const names = ['@kim/box', '@kim/boxes', '@kim/lid', '@kim/shelf']
    expect(await found(kim, 'text=BOX')).toEqual({ names, total: 4 })
    expect(await found(kim, 'text=box&size=1&from=1')).toEqual({ names: ['@kim/boxes'], total: 4 })
    expect(await found(kim, 'text=box&from=9')).toEqual({ names: [], total: 4 })
    expect((await found(kim, 'text=holds+box')).names).toEqual(['@kim/shelf'])
    const { objects } = (await kim.get('/v1/packages/search?q=holds')).json
    expect(objects.map((one: { name: string }) => one.name)).toEqual([`kim@${app.host}/shelf`])
  })

  test('tells who maintains a package, and when the answer was given', async () => {
    await using upstream = await startUpstream({ packages: { 'far-box': { '1.0.0': {} } } })
    await using app = await testApp({ engine, upstream: upstream.url })
    const [kim, lee] = [await app.user('kim'), await app.user('lee')]
    await kim.publish('plain-box', '1.0.0')
    await kim.publish('@kim/box', '1.0.0')
    await lee.publish('@lee/box', '1.0.0')
    await kim.get('/far-box')
    const { json } = await kim.get('/-/v1/search?text=box')
    const shown = json.objects.map(({ package: { name, maintainers, publisher } }: PublishDocument) => [
      name,
      maintainers.map(({ username }: { username: string }) => username),
      publisher?.username,
    ])
    expect(Object.fromEntries(shown.map(([name, ...rest]: [string]) => [name, rest]))).toEqual({
      'plain-box': [['kim'], 'kim'],
      '@kim/box': [['kim'], 'kim'],
      '@lee/box': [['lee'], 'lee'],
      // Its document tells; a list does not read it.
      'far-box': [[], undefined],
    })
    expect(json.time).toBe(new Date(json.time).toISOString())
  })

  test('of those that fit alike, the more popular come first, then the fresher; an exact name beats both', async () => {
    const clock = new TurnedClock()
    await using app = await testApp({ engine, clock })
    const kim = await app.user('kim')
    const names = ['@kim/box', '@kim/old-box', '@kim/new-box', '@kim/used-box', '@kim/once-box']
    for (const name of names) {
      await kim.publish(name, '1.0.0')
      clock.turn(hours(1))
    }
    const download = async (name: string, times: number) => {
      const path = `/${name}/-/${name.slice('@kim/'.length)}-1.0.0.tgz`
      for (let time = 0; time < times; time++) expect((await kim.get(path)).status).toBe(200)
    }
    await download('@kim/once-box', 30)
    clock.turn(days(200))
    await download('@kim/used-box', 10)
    await app.registry.tally.flush()
    expect((await found(kim, 'text=box')).names).toEqual([
      '@kim/box',
      '@kim/used-box',
      '@kim/once-box',
      '@kim/new-box',
      '@kim/old-box',
    ])
  })

  test('takes npm’s qualifiers', async () => {
    await using app = await testApp({ engine })
    const [kim, lee] = [await app.user('kim'), await app.user('lee')]
    const manifest = { keywords: ['wood', 'brown'], author: 'Ann Smith <ann@example.org>' }
    await kim.publish('@kim/box', '1.0.0', { manifest })
    await lee.publish('@lee/box', '1.0.0', { manifest: { keywords: ['wood'] } })
    expect((await found(kim, 'text=keywords:wood')).total).toBe(2)
    for (const text of ['keywords:wood,brown', 'author:ann', 'scope:kim', 'maintainer:kim', 'box+scope:@kim'])
      expect([text, (await found(kim, `text=${text}`)).names]).toEqual([text, ['@kim/box']])
  })

  test('takes quotes, the Entropic spelling of a name, and a star at the end of a word', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    const manifest = {
      description: 'a box of things',
      keywords: ['two words'],
      author: 'Kim K <k@example.org>',
    }
    await kim.publish('@kim/box', '1.0.0', { manifest })
    await kim.publish('@kim/lid', '1.0.0', { manifest: { description: 'things', author: 'Kim L' } })
    const texts = [
      '"a box"',
      '"box" things',
      'author:"Kim K"',
      'author:"kim l","kim k"',
      'keywords:"two words"',
    ]
    const others = [
      'kim/box',
      'box*',
      '"box*"',
      '"box',
      'keywords:"two words',
      '"@kim/box"',
      'scope:"kim" box',
    ]
    const named = await Promise.all(
      [...texts, ...others].map(async (text) => [
        text,
        (await found(kim, `text=${encodeURIComponent(text)}`)).names,
      ]),
    )
    const empty = ['author:"kim l","kim k"']
    expect(named).toEqual(
      [...texts, ...others].map((text) => [text, empty.includes(text) ? [] : ['@kim/box']]),
    )
    expect((await found(kim, 'text=*')).total).toBe(2)
  })

  test('a page is asked for by whole numbers', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    for (const query of ['size=-1', 'size=abc', 'from=1.5', 'size=1&size=2']) {
      const { status, json } = await kim.get(`/-/v1/search?text=box&${query}`)
      const name = query.slice(0, 4)
      expect([query, status, json.error]).toEqual([query, 400, `"${name}" must be a whole number, 0 or more`])
    }
    expect((await kim.get('/-/v1/search?text=box&size=&from=0')).status).toBe(200)
  })

  test('follows what changes: new versions, unpublishing, mirrored packages', async () => {
    await using upstream = await startUpstream({ packages: { left: { '1.0.0': {} } } })
    upstream.change('left', (document) => {
      document.description = 'of the right'
    })
    await using app = await testApp({ engine, upstream: upstream.url })
    const kim = await app.user('kim')
    await kim.publish('@kim/box', '1.0.0', { manifest: { description: 'wooden' } })
    expect((await found(kim, 'text=wooden')).names).toEqual(['@kim/box'])
    await kim.publish('@kim/box', '2.0.0', { manifest: { description: 'of steel' } })
    expect((await found(kim, 'text=wooden')).names).toEqual([])
    await kim.get('/left')
    expect((await found(kim, 'text=of')).names).toEqual(['@kim/box', 'left'])
    const { _rev } = (await kim.get('/@kim%2fbox?write=true')).json
    await kim.send('DELETE', `/@kim%2fbox/-rev/${_rev}`)
    expect((await found(kim, 'text=of')).names).toEqual(['left'])
  })
})
