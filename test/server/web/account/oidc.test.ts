import { expect, test } from 'vitest'
import type { ProviderConfig } from '../../../../src/server/web/account/providers.ts'
import { testApp } from '../../../support/app.ts'
import { OidcIssuer } from '../../../support/oidc.ts'
import { Visitor } from '../../../support/visitor.ts'

const keys = { id: 'oidc', title: 'Example', client: 'app', secret: 'hush', kind: 'oidc' } as const
const pathOf = (address: string) => new URL(address).pathname + new URL(address).search

test('a certified OpenID Connect provider logs people in, who are known by its subject', async () => {
  await using issuer = await OidcIssuer.open()
  const providers: ProviderConfig[] = [{ ...keys, issuer: issuer.issuer }]
  await using app = await testApp({ providers })
  const kim = new Visitor(app.url)
  expect((await kim.get('/www/login')).text).toContain('Log in with Example')
  const away = await kim.get('/www/login/providers/oidc')
  const form = await kim.get(pathOf(await issuer.visit(away.leadsTo ?? '', 'kim')))
  expect([form.path, form.text.includes('value="kim@example.org"')]).toEqual(['/www/signup', true])
  await kim.submit('/www/signup', { name: 'kim', email: '', password: '' })
  const [identity] = await app.storage.sql.read.selectFrom('identity').selectAll().execute()
  expect(identity).toMatchObject({ provider: 'oidc', subject: 'kim', name: 'kim' })

  const again = new Visitor(app.url)
  const second = await again.get('/www/login/providers/oidc?next=%2Fwww%2Faccount')
  expect((await again.get(pathOf(await issuer.visit(second.leadsTo ?? '', 'kim')))).path).toBe('/www/account')
})

test('an issuer that does not answer is told, and asked again the next time', async () => {
  const issuer = await OidcIssuer.open()
  await issuer[Symbol.asyncDispose]()
  await using app = await testApp({ providers: [{ ...keys, issuer: issuer.issuer }] })
  const kim = new Visitor(app.url)
  expect((await kim.get('/www/login/providers/oidc')).status).toBe(503)
  expect((await kim.get('/www/login/providers/oidc')).text).toContain('Example does not answer')
})
