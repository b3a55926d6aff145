import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readLockFile } from '../../src/registry/lockfiles.ts'
import { keyOf } from '../../src/registry/wishes.ts'
import { Client, type ClientName } from '../clients/client.ts'
import { testApp } from '../support/app.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startUpstream } from '../support/upstream.ts'

const clients: readonly (readonly [ClientName, string])[] = [
  ['npm', 'package-lock.json'],
  ['pnpm', 'pnpm-lock.yaml'],
  ['yarn', 'yarn.lock'],
  ['berry', 'yarn.lock'],
  ['bun', 'bun.lock'],
]

const packages = {
  'left-pad': { '1.0.0': {}, '1.3.0': {} },
  '@kim/box': { '2.0.0-beta.1': { manifest: { dependencies: { 'left-pad': '1.0.0' } } } },
  lodash: { '4.17.21': {} },
}

test.each(clients)('what %s writes into its lock file is read from it', async (name, file) => {
  await using upstream = await startUpstream({ packages })
  await using app = await testApp({ upstream: upstream.url })
  await using folder = await temporaryFolder()
  const client = await Client.open(name, { folder: folder.path, registry: app.url })
  const added = await client.add('@kim/box@2.0.0-beta.1', 'left-pad@^1.1.0', 'dash@npm:lodash@4')
  expect(added.code, added.output).toBe(0)
  const { wishes, elsewhere } = readLockFile(file, await readFile(join(client.project, file), 'utf8'))
  expect([wishes.map(keyOf).sort(), elsewhere]).toEqual([
    ['@kim/box@2.0.0-beta.1', 'left-pad@1.0.0', 'left-pad@1.3.0', 'lodash@4.17.21'],
    [],
  ])
})

test('old lock files are read too, and what no registry has is told apart', () => {
  const npm1 = {
    lockfileVersion: 1,
    dependencies: {
      a: {
        version: '1.0.0',
        resolved: 'https://r.example/a/-/a-1.0.0.tgz',
        dependencies: { b: { version: '2.0.0' } },
      },
      alias: { version: 'npm:c@3.0.0' },
      git: { version: 'git+ssh://git@example.com/x.git#abc' },
      inside: { version: '1.0.0', bundled: true },
    },
  }
  expect(read('package-lock.json', JSON.stringify(npm1))).toEqual([
    ['a@1.0.0', 'b@2.0.0', 'c@3.0.0'],
    ['git@git+ssh://git@example.com/x.git#abc'],
  ])
  const resolution = 'resolution: {integrity: sha512-x}'
  const pnpm = `lockfileVersion: '6.0'\npackages:\n  /a@1.0.0(b@2.0.0):\n    ${resolution}\n  /@s/b@2.0.0:\n    ${resolution}\n  file:../x:\n    resolution: {directory: ../x, type: directory}\n`
  expect(read('pnpm-lock.yaml', pnpm)).toEqual([['@s/b@2.0.0', 'a@1.0.0'], ['file:../x']])
  const pnpm5 = `lockfileVersion: 5.4\npackages:\n  /a/1.0.0_b@2.0.0:\n    ${resolution}\n  /@s/b/2.0.0:\n    ${resolution}\n`
  expect(read('pnpm-lock.yaml', pnpm5)).toEqual([['@s/b@2.0.0', 'a@1.0.0'], []])
})

test('a package.json asks for ranges', () => {
  const manifest = { dependencies: { a: '^1.0.0', b: 'npm:c@2', d: 'file:../d' }, devDependencies: { e: '' } }
  expect(read('package.json', JSON.stringify(manifest))).toEqual([
    ['a@range ^1.0.0', 'c@range 2', 'e@range latest'],
    ['d@file:../d'],
  ])
})

test.each(['package-lock.json', 'pnpm-lock.yaml', 'bun.lock'])('a %s that is none is refused', (file) => {
  expect(() => readLockFile(file, '{"packages": [')).toThrow(`"${file}" cannot be read`)
})

function read(file: string, text: string) {
  const { wishes, elsewhere } = readLockFile(file, text)
  return [wishes.map(keyOf).sort(), elsewhere]
}
