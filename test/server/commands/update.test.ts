import { startRegistry } from 'entropic/fixture'
import { expect, test } from 'vitest'
import manifest from '../../../package.json' with { type: 'json' }
import { entropic } from '../../support/command-line.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const ours = { bin: { entropic: 'bin.js' }, exports: { './fixture': './fixture.js' } }

/** What `update --check` answers over an upstream that has this version of a package of our name. */
async function checked(version: string, said: Readonly<Record<string, unknown>>) {
  await using folder = await temporaryFolder()
  const packages = { [manifest.name]: { [version]: { manifest: said } } }
  await using upstream = await startRegistry({ packages })
  const outcome = await ask(folder.path, upstream.url)
  return { ...outcome, asked: upstream.requests.map(({ path }) => path) }
}

const ask = (folder: string, upstream: string, ...args: readonly string[]) =>
  entropic({ folder }, 'update', '--check', '--upstream', upstream, ...args)

test('a newer version is told and not downloaded', async () => {
  const { code, stdout, asked } = await checked('99.0.0', ours)
  expect(code).toBe(1)
  expect(stdout).toBe(`This is entropic ${manifest.version}. 99.0.0 is published; nothing was downloaded.\n`)
  expect(asked).toEqual([`/${manifest.name}/latest`])
})

test('the newest version is told to be it', async () => {
  const { code, stdout } = await checked(manifest.version, ours)
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('Nothing newer') })
})

test("a stranger's package of the same name says nothing about ours", async () => {
  const { code, stdout } = await checked('99.0.0', {})
  expect({ code, stdout }).toEqual({ code: 3, stdout: expect.stringContaining('another program') })
})

test('without anybody to ask it says that it cannot know', async () => {
  await using folder = await temporaryFolder()
  await using upstream = await startRegistry()
  for (const [address, args, why] of [
    [upstream.url, [], 'has no'],
    [upstream.url, ['--offline'], 'offline'],
    ['none', [], 'no upstream'],
    ['http://127.0.0.1:9', [], 'does not answer'],
  ] as const) {
    const { code, stdout } = await ask(folder.path, address, ...args)
    expect({ code, stdout }).toEqual({ code: 3, stdout: expect.stringContaining('cannot be known') })
    expect(stdout).toContain(why)
  }
})
