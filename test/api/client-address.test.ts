import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'

const forwarded = { 'x-forwarded-for': '198.51.100.1, 192.0.2.7' }

/** What a token bound to one address is told when it comes through a proxy that says where from. */
async function statusOf(address: string, trustProxy: boolean): Promise<number> {
  await using app = await testApp({ trustProxy })
  await app.user('kim')
  const request = { accountName: 'kim', description: 'bound', access: 'read', cidr: [address] } as const
  const { secret } = await app.registry.tokens.issue(request)
  const { status } = await app
    .anonymous()
    .get('/-/whoami', { ...forwarded, authorization: `Bearer ${secret}` })
  return status
}

test('behind a proxy that is believed, the client is who the proxy itself saw, not who the client says it is', async () => {
  expect(await statusOf('192.0.2.7', true)).toBe(200)
  expect(await statusOf('198.51.100.1', true)).toBe(403)
})

test('without one, nobody says where they come from', async () => {
  expect(await statusOf('192.0.2.7', false)).toBe(403)
  expect(await statusOf('127.0.0.1', false)).toBe(200)
})
