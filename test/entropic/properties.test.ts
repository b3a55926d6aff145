import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isFault } from '../../src/base/fault.ts'
import { checkCollisions, parsePath } from '../../src/registry/paths.ts'
import { testApp } from '../support/app.ts'
import type { NpmUser } from '../support/npm-user.ts'
import { onEveryStorage } from '../support/services.ts'
import { type Files, objectPath, publishBytes, publishForm } from './form.ts'

const BOX = '/v1/packages/package/kim/box'

/** Names in any script, and such as programs have stumbled over. */
const segment = fc.oneof(
  { weight: 5, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('package', 'package.json', '__proto__', 'README.md', '...', '%2e', '"'),
  },
)
const path = fc.array(segment, { minLength: 1, maxLength: 6 }).map((segments) => segments.join('/'))
const content = fc.uint8Array({ maxLength: 5000 }).map((bytes) => new Uint8Array(bytes))
const tree = fc.dictionary(path, content, { maxKeys: 12 }).filter(canBePublished)

function canBePublished(files: Files): boolean {
  try {
    checkCollisions(Object.keys(files).map(parsePath))
    return true
  } catch (error) {
    if (isFault(error)) return false
    throw error
  }
}

async function readBack(user: NpmUser, version: string): Promise<Record<string, Buffer>> {
  const { files } = (await user.get(`${BOX}/versions/${version}`)).json
  const read: Record<string, Buffer> = Object.create(null)
  for (const [name, integrity] of Object.entries<string>(files))
    read[name.slice('./package/'.length)] = (await user.get(objectPath(integrity))).bytes
  return read
}

onEveryStorage('any file tree', (engine) => {
  test('is read back byte for byte', async () => {
    await using place = await engine.place()
    await using app = await testApp({ storage: place.config })
    const kim = await app.user('kim')
    await kim.send('PUT', BOX, { body: {} })
    let patch = 0
    await fc.assert(
      fc.asyncProperty(tree, async (files) => {
        const version = `1.0.${patch++}`
        const reply = await kim.send('PUT', `${BOX}/versions/${version}`, { body: publishForm(files) })
        expect(reply.status, reply.json.message).toBe(201)
        const read = await readBack(kim, version)
        expect(Object.keys(read).sort()).toEqual(Object.keys(files).sort())
        for (const [name, bytes] of Object.entries(files)) expect(read[name]).toEqual(Buffer.from(bytes))
      }),
      { numRuns: engine.name === 's3' ? 15 : 50 }, // each file is a request or two to S3
    )
  })
})

/** Something that can happen to a body on its way. */
const damage = fc.oneof(
  fc.record({ kind: fc.constant('cut' as const), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({
    kind: fc.constant('overwrite' as const),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    with: fc.uint8Array({ minLength: 1, maxLength: 40 }),
  }),
  fc.record({ kind: fc.constant('replace' as const), with: fc.uint8Array({ maxLength: 2000 }) }),
)
const header = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Record<string, string>>({}) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('deflate', 'gzip', 'br').map((encoding) => ({ 'content-encoding': encoding })),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('multipart/form-data', 'multipart/form-data; boundary=', 'text/plain', 'application/json')
      .map((type) => ({ 'content-type': type })),
  },
)

function damaged(
  body: Buffer,
  what: typeof damage extends fc.Arbitrary<infer D> ? D : never,
): Uint8Array<ArrayBuffer> {
  if (what.kind === 'replace') return new Uint8Array(what.with)
  const at = Math.floor(what.at * body.length)
  if (what.kind === 'cut') return new Uint8Array(body.subarray(0, at))
  const bytes = new Uint8Array(body)
  bytes.set(what.with.subarray(0, bytes.length - at), at)
  return bytes
}

test('any malformed body is the sender’s fault, and the next request works', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await kim.send('PUT', BOX, { body: {} })
  const { body, headers } = await publishBytes(
    { 'a.js': 'a'.repeat(500), 'lib/b.js': 'b' },
    { dependencies: { lodash: '1' } },
  )
  let patch = 0
  await fc.assert(
    fc.asyncProperty(damage, header, async (what, more) => {
      const target = `${BOX}/versions/1.0.${patch++}`
      const reply = await kim.send('PUT', target, {
        body: damaged(body, what),
        headers: { ...headers, ...more },
      })
      // Some damage only makes another valid body.
      if (reply.status !== 201) expect(reply.status).toBeGreaterThanOrEqual(400)
      expect(reply.status, reply.json.message).toBeLessThan(500)
      expect((await kim.get('/v1/auth/whoami')).json).toEqual({ username: 'kim' })
    }),
    { numRuns: 300 },
  )
  const whole = await kim.send('PUT', `${BOX}/versions/2.0.0`, { body: new Uint8Array(body), headers })
  expect(whole.status).toBe(201)
})
