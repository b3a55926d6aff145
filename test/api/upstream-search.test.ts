import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import type { NpmUser } from '../support/npm-user.ts'
import { startUpstream } from '../support/upstream.ts'

const SEARCH = (text: string) => `/-/v1/search?text=${text}&size=250`

type Listed = { readonly package: { readonly name: string } }

async function found(user: NpmUser, query: string) {
  const { json } = await user.get(`/-/v1/search?${query}`)
  const names = json.objects.map((one: Listed) => one.package.name)
  return [names, json.total]
}

/** An upstream that finds these names, whatever it is asked. */
async function finding(...names: string[]) {
  const upstream = await startUpstream()
  const objects = names.map((name) => ({ package: { name, version: '1.0.0' } }))
  for (const text of ['box', 'keywords%3Abox'])
    upstream.misbehave(
      decodeURIComponent(SEARCH(text)),
      (_, reply) => void reply.end(JSON.stringify({ objects, total: objects.length })),
    )
  return upstream
}

test('what is here comes first, then what only the upstream has; pages and totals go on', async () => {
  await using upstream = await finding('box-a', '@kim/box', 'box-b', '@kim/evil')
  await using app = await testApp({ upstream: upstream.url })
  const kim = await app.user('kim')
  await kim.publish('@kim/box', '1.0.0')
  expect(await found(kim, 'text=box')).toEqual([['@kim/box', 'box-a', 'box-b'], 3])
  expect(await found(kim, 'text=box&size=1&from=1')).toEqual([['box-a'], 3])
  expect(await found(kim, 'text=box&size=2&from=1')).toEqual([['box-a', 'box-b'], 3])
  expect(upstream.count(SEARCH('box'))).toBe(1)
})

test('no upstream hears what is ours, nor is one asked offline or waited for when it fails', async () => {
  await using upstream = await finding('box-a')
  await using app = await testApp({ upstream: upstream.url })
  const kim = await app.user('kim')
  await kim.publish('@kim/box', '1.0.0')
  const spellings = [
    '"@kim/secret"',
    '"a @kim/secret"',
    'kim/secret',
    '@kim/sec*',
    'scope%3A"kim"',
    'not%3A@kim/secret',
  ]
  for (const text of [
    '@kim/box',
    '@kim',
    'scope%3Akim',
    'box+@kim/secret',
    'a,@kim/secret',
    '',
    ...spellings,
  ])
    await found(kim, `text=${text}`)
  expect(upstream.requests.filter(({ path }) => path.startsWith('/-/v1/search'))).toEqual([])
  upstream.misbehave(SEARCH('box'), 'close')
  expect(await found(kim, 'text=box')).toEqual([['@kim/box'], 1])
  await using offline = await testApp({ upstream: upstream.url, offline: true })
  expect(await found(offline.anonymous(), 'text=keywords:box')).toEqual([[], 0])
  expect(upstream.count(decodeURIComponent(SEARCH('keywords%3Abox')))).toBe(0)
})

test('a mirrored package that the upstream finds too is listed once, on one page, by the people the upstream names', async () => {
  await using upstream = await startUpstream({
    packages: { 'far-box': { '1.0.0': {} }, 'box-far': { '1.0.0': {} } },
  })
  const people = { maintainers: [{ username: 'ann', email: '' }], publisher: { username: 'ann', email: '' } }
  const objects = ['box-far', 'box-new', 'far-box'].map((name) => ({
    package: { name, version: '1.0.0', ...people },
  }))
  upstream.misbehave(SEARCH('box'), (_, reply) => void reply.end(JSON.stringify({ objects, total: 3 })))
  await using app = await testApp({ upstream: upstream.url })
  const kim = await app.user('kim')
  await kim.publish('@kim/box', '1.0.0')
  for (const name of ['far-box', 'box-far']) await kim.get(`/${name}`)
  const [whole, total] = await found(kim, 'text=box')
  expect([...whole].sort()).toEqual(['@kim/box', 'box-far', 'box-new', 'far-box'])
  expect(total).toBe(4)
  const pages = [0, 1, 2, 3].map((from) => found(kim, `text=box&size=1&from=${from}`))
  expect(await Promise.all(pages)).toEqual(whole.map((name: string) => [[name], 4]))
  const { json } = await kim.get('/-/v1/search?text=box')
  const mirrored = json.objects.filter((one: Listed) => one.package.name.includes('far'))
  expect(mirrored).toMatchObject([{ package: people }, { package: people }])
})

test('an upstream’s hit that is mirrored, and not found here by these words, is listed', async () => {
  await using upstream = await startUpstream({ packages: { chest: { '1.0.0': {} } } })
  const objects = [{ package: { name: 'chest', version: '1.0.0' } }]
  upstream.misbehave(SEARCH('box'), (_, reply) => void reply.end(JSON.stringify({ objects, total: 1 })))
  await using app = await testApp({ upstream: upstream.url })
  const kim = await app.user('kim')
  await kim.get('/chest')
  expect(await found(kim, 'text=box')).toEqual([['chest'], 1])
})
