import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { Client, type ClientName } from './client.ts'
import { openRegistry } from './registry.ts'

const CLIENTS: readonly ClientName[] = ['npm', 'pnpm', 'yarn', 'berry', 'bun']

describe.each(CLIENTS)('%s', (name) => {
  test('installs scoped and unscoped packages with their dependencies, again from its lock file', async () => {
    await using app = await openRegistry()
    await using folder = await temporaryFolder()
    const kim = await app.user('kim')
    await kim.publish('dep-b', '1.0.0', { files: { 'index.js': 'module.exports = "b"' } })
    await kim.publish('dep-a', '1.1.0', { manifest: { dependencies: { 'dep-b': '^1.0.0' } } })
    await kim.publish('@kim/box', '2.0.0', { manifest: { dependencies: { 'dep-b': '*' } } })
    const client = await Client.open(name, { folder: folder.path, registry: app.url })
    await fresh(client)
    expect(await client.add('dep-a', '@kim/box')).toMatchObject({ code: 0 })
    expect(await installed(client, '@kim/box')).toBe('2.0.0')
    await rm(join(client.project, 'node_modules'), { recursive: true })
    expect(await client.run('install')).toMatchObject({ code: 0 })
    expect(await installed(client, 'dep-a')).toBe('1.1.0')
  })

  // Each of these is a route of ours, too, and a real package of npm.
  test.each(['ping', 'objects', 'packages', 'auth', 'users', 'namespaces', 'www', 'v1'])(
    'installs the package called %s from the root',
    async (called) => {
      await using app = await openRegistry()
      await using folder = await temporaryFolder()
      const kim = await app.user('kim')
      await kim.publish(called, '1.2.3')
      const client = await Client.open(name, { folder: folder.path, registry: app.url })
      await fresh(client)
      expect(await client.add(called)).toMatchObject({ code: 0 })
      expect(await installed(client, called)).toBe('1.2.3')
    },
  )

  test('installs from the door that stands alone under /npm', async () => {
    await using app = await openRegistry()
    await using folder = await temporaryFolder()
    const kim = await app.user('kim')
    await kim.publish('@kim/box', '1.0.0')
    await kim.publish('ping', '1.0.0')
    const client = await Client.open(name, { folder: folder.path, registry: `${app.url}/npm` })
    await fresh(client)
    expect(await client.add('@kim/box', 'ping')).toMatchObject({ code: 0 })
    expect(await installed(client, '@kim/box')).toBe('1.0.0')
  })
})

/** pnpm holds back what was published today unless it is told otherwise. */
async function fresh(client: Client): Promise<void> {
  if (client.name === 'pnpm') await client.write('pnpm-workspace.yaml', 'minimumReleaseAge: 0\n')
}

async function installed(client: Client, name: string): Promise<string> {
  const file = join(client.project, 'node_modules', name, 'package.json')
  return JSON.parse(await readFile(file, 'utf8')).version
}
