import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { Client } from './client.ts'
import { openRegistry } from './registry.ts'

test('npm owner adds, lists and removes owners', async () => {
  await using app = await openRegistry()
  await using folder = await temporaryFolder()
  const [kim, lee] = [await app.user('kim'), await app.user('lee')]
  await kim.publish('@kim/box', '1.0.0')
  const npm = await Client.open('npm', { folder: folder.path, registry: app.url, token: kim.token ?? '' })
  expect(await npm.run('owner', 'add', 'lee', '@kim/box')).toMatchObject({ code: 0 })
  expect((await npm.run('owner', 'ls', '@kim/box')).output).toMatch(/kim.*lee/s)
  expect((await lee.publish('@kim/box', '1.1.0')).status).toBe(201)
  expect((await npm.run('owner', 'add', 'nobody', '@kim/box')).code).not.toBe(0)
  expect(await npm.run('owner', 'rm', 'lee', '@kim/box')).toMatchObject({ code: 0 })
  expect((await npm.run('owner', 'rm', 'kim', '@kim/box')).code).not.toBe(0)
})

test('pnpm owner adds and removes owners', async () => {
  await using app = await openRegistry()
  await using folder = await temporaryFolder()
  const kim = await app.user('kim')
  await app.user('lee')
  await kim.publish('@kim/box', '1.0.0')
  const pnpm = await Client.open('pnpm', { folder: folder.path, registry: app.url, token: kim.token ?? '' })
  expect(await pnpm.run('owner', 'add', '@kim/box', 'lee')).toMatchObject({ code: 0 })
  expect((await kim.get('/-/package/@kim%2fbox/owners')).json).toHaveLength(2)
  expect(await pnpm.run('owner', 'rm', '@kim/box', 'lee')).toMatchObject({ code: 0 })
  expect((await kim.get('/-/package/@kim%2fbox/owners')).json).toHaveLength(1)
})

test('yarn owner add throws nobody out', async () => {
  await using app = await openRegistry()
  await using folder = await temporaryFolder()
  const kim = await app.user('kim')
  await app.user('lee')
  await kim.publish('@kim/box', '1.0.0')
  const yarn = await Client.open('yarn', { folder: folder.path, registry: app.url, token: kim.token ?? '' })
  await yarn.run('owner', 'add', 'lee', '@kim/box')
  expect((await kim.get('/-/package/@kim%2fbox/owners')).json).toEqual([{ username: 'kim', email: '' }])
})
