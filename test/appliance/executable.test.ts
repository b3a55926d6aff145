import { chmod, copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
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
