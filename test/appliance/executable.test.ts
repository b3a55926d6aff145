import { createHash } from 'node:crypto'
import { chmod, copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { NpmUser } from '../support/npm-user.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { file, missing, Running, run } from './executable.ts'

const NOBODY = 65534
const notRoot = process.getuid?.() === 0 ? undefined : 'only root can do this'
const ALONE = ['serve', '--port', '0', '--upstream', 'none', '--log-level', 'error', '--cache-dir']

describe.skipIf(missing)('the executable', () => {
  test('serves and publishes from a path with spaces and letters, in an empty environment', async () => {
    await using place = await temporaryFolder()
    const home = join(place.path, 'ein Ort für 包')
    await mkdir(home)
    const program = join(home, 'entropic')
    await copyFile(file, program)
    const data = join(home, 'die Daten')
    const env = { HOME: home }
    {
      await using server = await Running.start(program, [...ALONE, data], { env, cwd: home })
      const add = ['user', 'add', 'kim', '--password-stdin', '--cache-dir', data]
      expect(await run(program, add, { env, input: 'kim-password\n' })).toMatchObject({ code: 0 })
      const token = await run(program, ['token', 'create', 'kim', '--cache-dir', data], { env })
      const kim = new NpmUser(server.url, 'kim', token.out.trim())
      expect((await kim.publish('@kim/box', '1.0.0')).status).toBe(201)
      expect((await kim.get('/@kim%2fbox/-/box-1.0.0.tgz')).status).toBe(200)
      expect(await server.stop()).toBe(0)
    }
    expect(await run(program, ['doctor', '--cache-dir', data], { env })).toMatchObject({ code: 0 })
    expect((await readdir(home)).sort()).toEqual(['.cache', 'die Daten', 'entropic'])
  })

  test.skipIf(notRoot)('needs nothing but libc', async () => {
    await using place = await temporaryFolder()
    await chmod(place.path, 0o755)
    await copyFile(file, join(place.path, 'entropic'))
    const { out } = await run('/usr/bin/ldd', [file])
    for (const [library] of out.matchAll(/\/\S+/g)) {
      await mkdir(join(place.path, dirname(library)), { recursive: true })
      await copyFile(library, join(place.path, library))
    }
    const inside = [place.path, '/entropic', ...ALONE, '/data']
    await using server = await Running.start('/usr/sbin/chroot', inside)
    const reply = await new NpmUser(server.url, 'anonymous', undefined).get('/absent')
    expect(reply.status).toBe(404)
    expect(await server.stop()).toBe(0)
  })

  test.skipIf(notRoot)('runs as a user without a home', async () => {
    await using place = await temporaryFolder()
    await chmod(place.path, 0o777)
    const program = join(place.path, 'entropic')
    await copyFile(file, program)
    await chmod(program, 0o755)
    const env = { HOME: '/nonexistent' }
    const data = join(place.path, 'data')
    await using server = await Running.start(program, [...ALONE, data], { env, uid: NOBODY })
    expect((await fetch(`${server.url}/-/ping`)).status).toBe(200)
    expect(await readdir(join(data, 'unpacked'))).toHaveLength(1)
  })

  test('unpacks its driver once, for its user alone, and replaces one that was changed', async () => {
    await using place = await temporaryFolder()
    const migrate = () =>
      run(file, ['migrate', '--cache-dir', join(place.path, 'data')], { env: { HOME: place.path } })
    expect(await migrate()).toMatchObject({ code: 0 })
    const folder = join(place.path, '.cache/entropic')
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    const [name] = await readdir(folder)
    const driver = join(folder, name ?? '')
    const bytes = await readFile(driver)
    const { ino } = await stat(driver)
    expect(await migrate()).toMatchObject({ code: 0 })
    expect((await stat(driver)).ino).toBe(ino)
    await chmod(driver, 0o600)
    await writeFile(driver, 'changed')
    expect(await migrate()).toMatchObject({ code: 0, err: '' })
    expect(await readFile(driver)).toEqual(bytes)
  })

  test('starts eight times at once where it never ran', async () => {
    await using place = await temporaryFolder()
    const env = { HOME: place.path }
    const starts = Array.from({ length: 8 }, (_, at) =>
      run(file, ['migrate', '--cache-dir', join(place.path, `data-${at}`)], { env }),
    )
    for (const ended of await Promise.all(starts)) expect(ended).toMatchObject({ code: 0, err: '' })
    expect(await readdir(join(place.path, '.cache/entropic'))).toHaveLength(1)
  })

  test('says what to do where its driver cannot be unpacked', async () => {
    await using place = await temporaryFolder()
    const shared = join(place.path, 'shared')
    await mkdir(shared)
    await chmod(shared, 0o777)
    await writeFile(join(place.path, 'no-folder'), '')
    const migrate = (folder: string) =>
      run(file, ['migrate', '--cache-dir', place.path, '--unpack-dir', join(place.path, folder)])
    for (const [folder, why] of [
      ['shared', 'other users may write to it'],
      ['no-folder', 'EEXIST'],
    ] as const) {
      const { code, err } = await migrate(folder)
      expect(code).toBe(1)
      expect(err).toContain(why)
      expect(err).toContain('UNPACK_DIR=')
    }
  })

  test('two versions serve beside each other, each with its own driver', async () => {
    await using place = await temporaryFolder()
    const other = join(place.path, 'entropic-of-tomorrow')
    await writeFile(other, await withAnotherDriver(file), { mode: 0o755 })
    const env = { HOME: place.path }
    const serve = (program: string) =>
      Running.start(program, [...ALONE, join(place.path, `data of ${basename(program)}`)], { env })
    await using now = await serve(file)
    await using tomorrow = await serve(other)
    for (const { url } of [now, tomorrow]) expect((await fetch(`${url}/-/ping`)).status).toBe(200)
    expect(await readdir(join(place.path, '.cache/entropic'))).toHaveLength(2)
  })

  test.skipIf(notRoot)(
    'goes to its data folder where programs may not run from its cache folder',
    async () => {
      await using place = await mounted('noexec')
      const env = { HOME: place.path }
      const unpack = ['--unpack-dir', join(place.path, 'there')]
      await using elsewhere = await temporaryFolder()
      const data = ['migrate', '--cache-dir', join(elsewhere.path, 'data')]
      expect(await run(file, data, { env })).toMatchObject({ code: 0, err: '' })
      expect(await readdir(join(elsewhere.path, 'data/unpacked'))).toHaveLength(1)
      const { code, err } = await run(file, [...data, ...unpack], { env })
      expect({ code, err }).toEqual({
        code: 1,
        err: expect.stringContaining('programs may not run from there'),
      })
      expect(err).toContain('UNPACK_DIR=')
    },
  )

  test.skipIf(notRoot)('goes to its data folder where its cache folder cannot be written', async () => {
    await using place = await mounted('ro')
    const env = { HOME: place.path }
    await using elsewhere = await temporaryFolder()
    const data = ['migrate', '--cache-dir', join(elsewhere.path, 'data')]
    expect(await run(file, data, { env })).toMatchObject({ code: 0, err: '' })
    const nowhere = ['--cache-dir', join(place.path, 'data')]
    const { code, err } = await run(file, ['migrate', ...nowhere], { env })
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('UNPACK_DIR=') })
  })

  test('opens the website in the browser that the desktop names', async () => {
    await using place = await temporaryFolder()
    const seen = join(place.path, 'seen')
    await writeFile(join(place.path, 'xdg-open'), '#!/bin/sh\necho "$1" > "$SEEN"\n', { mode: 0o755 })
    const env = { HOME: place.path, PATH: `${place.path}:/bin`, SEEN: seen }
    await using server = await Running.start(file, [...ALONE, join(place.path, 'data'), '--open'], { env })
    await expect.poll(() => readFile(seen, 'utf8').catch(() => '')).toBe(`${server.url}\n`)
  })

  test('lists what it is made of, with the licences', async () => {
    const list = JSON.parse((await run(file, ['sbom'])).out)
    const names = list.components.map(({ name }: { name: string }) => name)
    expect(names).toEqual(expect.arrayContaining(['koa', 'better-sqlite3', 'sqlite', 'node']))
    expect(names).not.toContain('vitest')
    expect((await run(file, ['sbom', '--licences'])).out).toContain('Node.js is licensed for use as follows')
  })

  test('names itself in its help as it was called', async () => {
    expect((await run(file, ['help'])).out).toContain(`Usage: ${file} [COMMAND]`)
  })
})

/** The executable as another version with another driver: the compiler's mark, which no loader looks at, spelt otherwise. */
async function withAnotherDriver(path: string): Promise<Buffer> {
  const prebuilds = join(import.meta.dirname, '../../node_modules/better-sqlite3/prebuilds')
  const driver = await readFile(join(prebuilds, `${process.platform}-${process.arch}.node`))
  const bytes = await readFile(path)
  const at = bytes.indexOf(driver)
  const checksum = bytes.indexOf(sha256(driver))
  driver.write('gcc', driver.indexOf('GCC: ('))
  driver.copy(bytes, at)
  bytes.write(sha256(driver), checksum)
  return bytes
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** A folder on a disk of its own, mounted so. */
async function mounted(how: 'noexec' | 'ro'): Promise<AsyncDisposable & { path: string }> {
  await using opening = new AsyncDisposableStack()
  const { path } = opening.use(await temporaryFolder())
  const mount = await run('/bin/mount', ['-t', 'tmpfs', '-o', how, 'entropic-test', path])
  if (mount.code !== 0) throw new Error(`cannot mount: ${mount.err}`)
  opening.defer(async () => void (await run('/bin/umount', [path])))
  const opened = opening.move()
  return { path, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}
