import { once } from 'node:events'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { noise } from '../support/mirror.ts'
import { onEveryEngine } from '../support/services.ts'
import { sha512 } from '../support/tarball.ts'
import { startUpstream, tarballPath } from '../support/upstream.ts'

const CLIENTS = 200
const TARBALLS = Array.from({ length: 50 }, (_, n) => `lib-${n}`)
/** So many tarballs each client asks for: every one is wanted by twenty at once. */
const EACH = 5

onEveryEngine('a crowd', (engine) => {
  test('200 clients that ask at once for 50 tarballs nobody has make 50 requests to upstream', async () => {
    const packages = Object.fromEntries(TARBALLS.map((name) => [name, { '1.0.0': {} }]))
    await using upstream = await startUpstream({ packages })
    await using app = await testApp({ engine, upstream: upstream.url })
    const clients = Array.from({ length: CLIENTS }, (_, n) =>
      Array.from({ length: EACH }, (_, k) => TARBALLS[(n + k * 10) % 50] ?? ''),
    )
    const wrong: string[] = []
    await Promise.all(
      clients.flat().map(async (name) => {
        const reply = await fetch(app.url + tarballPath(name, '1.0.0'))
        const got = sha512(Buffer.from(await reply.arrayBuffer()))
        if (got !== sha512(upstream.tarball(name, '1.0.0'))) wrong.push(`${name}: ${reply.status}`)
      }),
    )
    expect(wrong).toEqual([])
    const asked = upstream.requests.map(({ path }) => path)
    expect(asked.filter((path) => path.endsWith('.tgz')).sort()).toEqual(
      TARBALLS.map((name) => tarballPath(name, '1.0.0')).sort(),
    )
  })
})

test('a client that stops reading midway slows nobody, and gets its bytes once it reads on', async () => {
  const files = { noise: noise(8 * 2 ** 20) }
  await using upstream = await startUpstream({
    packages: { big: { '1.0.0': { files } }, small: { '1.0.0': {} } },
  })
  await using app = await testApp({ upstream: upstream.url })
  const path = tarballPath('big', '1.0.0')
  const whole = upstream.tarball('big', '1.0.0')
  const slow = connect(Number(new URL(app.url).port), '127.0.0.1')
  slow.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)
  await once(slow, 'readable')
  const quick = await Promise.all(
    [path, path, tarballPath('small', '1.0.0'), '/small'].map((it) => fetch(app.url + it)),
  )
  expect(quick.map(({ status }) => status)).toEqual([200, 200, 200, 200])
  const bodies = await Promise.all(quick.map((reply) => reply.arrayBuffer()))
  expect(bodies.slice(0, 2).every((body) => Buffer.from(body).equals(whole))).toBe(true)
  const late = await buffer(slow)
  expect(late.subarray(late.indexOf('\r\n\r\n') + 4).equals(whole)).toBe(true)
  expect(upstream.count(path)).toBe(1)
})
