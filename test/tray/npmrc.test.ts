import { chmod, lstat, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Npmrc } from '../../src/tray/npmrc.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const OURS = 'http://127.0.0.1:3000/'
const THEIRS = 'https://npm.acme.example/'

async function home() {
  const folder = await temporaryFolder()
  const path = join(folder.path, '.npmrc')
  const journal = join(folder.path, 'tray/npmrc.json')
  return { ...folder, folder: folder.path, path, npmrc: new Npmrc({ path, journal }) }
}

describe('an npmrc is pointed at us and given back', () => {
  const originals = {
    'a plain one': `registry=${THEIRS}\n//npm.acme.example/:_authToken=secret\n`,
    'an empty one': '',
    'one without a last newline': 'fund=false',
    'one of Windows': `registry=${THEIRS}\r\nfund=false\r\n`,
    'one with a section': 'fund=false\n[@acme]\nregistry=x\n',
    'one with bytes that are no UTF-8': Buffer.from([0x3b, 0xff, 0xfe, 0x0a]),
  }
  for (const [name, original] of Object.entries(originals))
    test(`${name}, byte for byte`, async () => {
      await using at = await home()
      await writeFile(at.path, original)
      await at.npmrc.use(OURS)
      expect(await at.npmrc.registry()).toBe(OURS)
      expect((await readFile(at.path, 'latin1')).split(/\r?\n/)).toContain(`registry=${OURS}`)
      await at.npmrc.restore()
      expect(await readFile(at.path)).toEqual(Buffer.from(original))
      expect(await at.npmrc.registry()).toBeUndefined()
    })

  test('whatever bytes were in it', async () => {
    await using at = await home()
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.array(fc.constantFrom('registry=', '[a]', '\n', '\r\n', ';', ' ', 'x')),
    )
    await fc.assert(
      fc.asyncProperty(bytes, async (some) => {
        const original = Buffer.from(Array.isArray(some) ? some.join('') : some)
        await writeFile(at.path, original)
        await at.npmrc.use(OURS)
        await at.npmrc.use('http://127.0.0.1:4000/')
        await at.npmrc.restore()
        expect(await readFile(at.path)).toEqual(original)
      }),
      { numRuns: 30 },
    )
  })

  test('with its mode, and through its symbolic link', async () => {
    await using at = await home()
    const real = join(at.folder, 'dotfiles/npmrc')
    await mkdir(join(at.folder, 'dotfiles'))
    await writeFile(real, 'fund=false\n')
    await chmod(real, 0o640)
    await symlink('dotfiles/npmrc', at.path)
    await at.npmrc.use(OURS)
    expect((await lstat(at.path)).isSymbolicLink()).toBe(true)
    expect((await stat(real)).mode & 0o777).toBe(0o640)
    await at.npmrc.restore()
    expect((await lstat(at.path)).isSymbolicLink()).toBe(true)
    expect((await stat(real)).mode & 0o777).toBe(0o640)
    expect(await readFile(real, 'utf8')).toBe('fund=false\n')
  })

  test('one that was not there is gone again', async () => {
    await using at = await home()
    await at.npmrc.use(OURS)
    expect((await stat(at.path)).mode & 0o777).toBe(0o600)
    await at.npmrc.restore()
    expect(await readdir(at.folder)).toEqual(['tray'])
    expect(await readdir(join(at.folder, 'tray'))).toEqual([])
  })
})

describe('what others changed meanwhile stays', () => {
  test('lines that npm login added', async () => {
    await using at = await home()
    await writeFile(at.path, 'fund=false')
    await at.npmrc.use(OURS)
    await writeFile(at.path, `${await readFile(at.path, 'utf8')}//127.0.0.1:3000/:_authToken=new\n`)
    await at.npmrc.restore()
    expect(await readFile(at.path, 'utf8')).toBe('fund=false\n//127.0.0.1:3000/:_authToken=new\n')
  })

  test('a file that npm wrote anew, but for our registry', async () => {
    await using at = await home()
    await writeFile(at.path, `registry=${THEIRS}\nfund=false\n`)
    await at.npmrc.use(OURS)
    await writeFile(at.path, `audit=false\nregistry=${OURS}\nfund=false\n`)
    await at.npmrc.restore()
    expect(await readFile(at.path, 'utf8')).toBe(`audit=false\nregistry=${THEIRS}\nfund=false\n`)
  })

  test('another registry', async () => {
    await using at = await home()
    await at.npmrc.use(OURS)
    await writeFile(at.path, `registry=${THEIRS}\n`)
    await at.npmrc.restore()
    expect(await readFile(at.path, 'utf8')).toBe(`registry=${THEIRS}\n`)
  })

  test('that the file was removed', async () => {
    await using at = await home()
    await writeFile(at.path, 'fund=false\n')
    await at.npmrc.use(OURS)
    await rm(at.path)
    await at.npmrc.restore()
    expect(await readdir(at.folder)).toEqual(['tray'])
  })
})

test('the registry before ours is known', async () => {
  await using at = await home()
  expect(await at.npmrc.before()).toBeUndefined()
  await writeFile(at.path, `registry=https://old.example/\nregistry = "${THEIRS}"\n`)
  await at.npmrc.use(OURS)
  expect(await at.npmrc.before()).toBe(THEIRS)
})
