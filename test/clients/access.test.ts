import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { Client } from './client.ts'
import { openRegistry } from './registry.ts'

test('npm access shows and changes who may read and publish', async () => {
  await using app = await openRegistry()
  await using folder = await temporaryFolder()
  const [kim, lee] = [await app.user('kim'), await app.user('lee')]
  const setup = { folder: folder.path, registry: app.url }
  const npm = await Client.open('npm', { ...setup, token: kim.token ?? '' })
  const stranger = await Client.open('npm', { ...setup, token: lee.token ?? '' })
  await npm.write('package.json', { name: '@kim/box', version: '1.0.0' })
  expect(await npm.run('publish', '--access=restricted')).toMatchObject({ code: 0 })
  expect((await npm.run('access', 'get', 'status', '@kim/box')).output).toContain('private')
  expect((await stranger.run('view', '@kim/box')).output).toContain('E404')
  expect(await npm.run('access', 'set', 'status=public', '@kim/box')).toMatchObject({ code: 0 })
  expect(await stranger.run('view', '@kim/box', 'version')).toMatchObject({ code: 0 })
  expect((await npm.run('access', 'list', 'packages', '@kim')).output).toContain('@kim/box: read-write')
  expect((await npm.run('access', 'list', 'collaborators', '@kim/box')).output).toContain('kim: read-write')
  const grant = ['access', 'grant', 'read-write', 'lee:developers', '@kim/box']
  expect(await npm.run(...grant)).toMatchObject({ code: 0 })
  expect(await npm.run('access', 'revoke', 'lee:developers', '@kim/box')).toMatchObject({ code: 0 })
})

test('npm org and team show and change the members of a namespace', async () => {
  await using app = await openRegistry()
  await using folder = await temporaryFolder()
  const kim = await app.user('kim')
  await app.user('lee')
  const npm = await Client.open('npm', { folder: folder.path, registry: app.url, token: kim.token ?? '' })
  expect(await npm.run('org', 'set', 'kim', 'lee')).toMatchObject({ code: 0 })
  expect((await npm.run('org', 'ls', 'kim')).output).toContain('kim - owner')
  expect((await npm.run('team', 'ls', 'kim')).output).toContain('@kim:developers')
  expect((await npm.run('team', 'ls', 'kim:developers')).output).toContain('@kim')
  expect(await npm.run('org', 'rm', 'kim', 'lee')).toMatchObject({ code: 0 })
  expect((await npm.run('team', 'create', 'kim:ops')).output).toContain('no teams but')
})

test('pnpm access and team speak of the same', async () => {
  await using app = await openRegistry()
  await using folder = await temporaryFolder()
  const kim = await app.user('kim')
  await kim.publish('@kim/box', '1.0.0')
  const pnpm = await Client.open('pnpm', { folder: folder.path, registry: app.url, token: kim.token ?? '' })
  expect(await pnpm.run('access', 'set', 'status=private', '@kim/box')).toMatchObject({ code: 0 })
  expect((await pnpm.run('access', 'get', 'status', '@kim/box')).output).toMatch(/private|restricted/)
  expect((await pnpm.run('access', 'list', 'collaborators', '@kim/box')).output).toContain('kim')
  expect((await pnpm.run('team', 'ls', '@kim')).output).toContain('developers')
})
