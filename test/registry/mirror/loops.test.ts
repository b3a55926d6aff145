import { expect, test } from 'vitest'
import { seconds } from '../../../src/base/time.ts'
import type { DocumentAnswer, Upstream } from '../../../src/registry/upstream.ts'
import { createUpstream } from '../../../src/registry/upstream.ts'
import { testApp } from '../../support/app.ts'
import { startUpstream } from '../../support/upstream.ts'

/** An upstream whose address is known only after the registry that asks it. */
class LateUpstream implements Upstream {
  readonly url = ''
  #real: Upstream | undefined

  get origins(): readonly Upstream[] {
    return this.#real ? [this.#real] : []
  }

  lead(url: string): void {
    this.#real = createUpstream({ url, timeout: seconds(5), retryPause: 1 })
  }

  for(): Upstream {
    if (!this.#real) throw new Error('it leads nowhere yet')
    return this.#real
  }

  document: Upstream['document'] = (...args): Promise<DocumentAnswer> => this.for().document(...args)
  tarball: Upstream['tarball'] = (...args) => this.for().tarball(...args)

  async close(): Promise<void> {
    await this.#real?.close()
  }
}

test('a registry that asks itself says so', async () => {
  const itself = new LateUpstream()
  await using app = await testApp({ upstream: itself })
  itself.lead(app.url)
  const reply = await fetch(`${app.url}/nowhere`)
  expect([reply.status, await reply.text()]).toEqual([508, expect.stringContaining('lead back to this one')])
})

test('two registries that ask each other say so, even when both are asked at once', async () => {
  const [first, second] = [new LateUpstream(), new LateUpstream()]
  await using a = await testApp({ upstream: first })
  await using b = await testApp({ upstream: second })
  first.lead(b.url)
  second.lead(a.url)
  const replies = await Promise.all([a, b, a, b].map(({ url }) => fetch(`${url}/nowhere`)))
  expect(replies.map(({ status }) => status)).toEqual([508, 508, 508, 508])
})

test('a chain of registries that ends is none', async () => {
  await using npm = await startUpstream({ packages: { lib: { '1.0.0': {} } } })
  await using near = await testApp({ upstream: npm.url })
  await using far = await testApp({ upstream: near.url })
  expect((await fetch(`${far.url}/lib/-/lib-1.0.0.tgz`)).status).toBe(200)
  expect(
    npm.requests.every(({ headers }) => /^1\.1 entropic-\w+, 1\.1 entropic-\w+$/.test(`${headers.via}`)),
  ).toBe(true)
})
