import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { Client, type ClientName } from './client.ts'
import { openRegistry } from './registry.ts'

/** Publishing, in each client's words. */
const PUBLISH: readonly (readonly [ClientName, readonly string[]])[] = [
  ['npm', ['publish']],
  ['pnpm', ['publish', '--no-git-checks']],
  ['yarn', ['publish', '--non-interactive']],
  ['berry', ['npm', 'publish']],
  ['bun', ['publish']],
]

describe.each(PUBLISH)('%s publish', (name, command) => {
  test('stores a scoped package, and refuses the version when its content changed', async () => {
    await using app = await openRegistry()
    await using folder = await temporaryFolder()
    const kim = await app.user('kim')
    const client = await Client.open(name, { folder: folder.path, registry: app.url, token: kim.token ?? '' })
    await client.write('package.json', {
      name: '@kim/box',
      version: '1.0.0',
      description: 'a box',
      license: 'MIT',
      main: 'index.js',
    })
    await client.write('index.js', 'module.exports = 1\n')
    await client.write('README.md', '# Box\n')
    if (name === 'berry') await client.run('install')
    expect(await client.run(...command)).toMatchObject({ code: 0 })
    const { json } = await kim.get('/@kim%2fbox')
    expect(json.readme).toBe('# Box\n')
    expect(json.versions['1.0.0']).toMatchObject({
      description: 'a box',
      dist: { tarball: `${app.url}/@kim/box/-/box-1.0.0.tgz` },
    })
    for (const added of ['integrity', 'shasum', '_integrity', 'readme'])
      expect(json.versions['1.0.0']).not.toHaveProperty(added)
    await client.write('index.js', 'module.exports = 2\n')
    const again = await client.run(...command)
    expect(again.code).not.toBe(0)
    expect((await kim.get('/@kim%2fbox')).json.versions['1.0.0'].dist.integrity).toBe(
      json.versions['1.0.0'].dist.integrity,
    )
  })
})
