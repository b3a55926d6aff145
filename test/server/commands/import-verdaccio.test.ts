import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { entropic } from '../../support/command-line.ts'
import { ServerProcess } from '../../support/server-process.ts'
import { packageTarball, sha1, sha512 } from '../../support/tarball.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** The only kind of hash that both sides of a test can read without a tool. */
const HTPASSWD = `anna:{SHA}${Buffer.from(sha1('anna-password'), 'hex').toString('base64')}:autocreated\nbert:rl0uE0ey2W4Cs\nNo One:{SHA}x\n`
const DATES = { created: '2019-01-02T03:04:05.000Z', '1.0.0': '2019-01-02T03:04:05.000Z' }

test('what was published there is here with its bytes, dates, tags and deprecations, and people log in', async () => {
  await using there = await verdaccio({ list: ['lib', '@team/tool'] })
  const lib = await there.add('lib', ['1.0.0', '2.0.0'])
  await there.add('@team/tool', ['1.0.0'], (document) => {
    delete document.versions['1.0.0']?.dist.integrity
  })
  await there.add('mirrored', ['1.0.0'])
  const users = ['--htpasswd', there.htpasswd, '--owner', 'anna']
  const taken = await there.take(...users)
  expect(taken.stdout).toContain('no password: bert')
  expect(taken.stdout).toContain('left out: No One')
  expect(taken.stdout).toContain('2 packages imported with 3 versions, 0 were here already, 0 left out\n')
  expect((await there.take(...users)).stdout).toContain('0 packages imported with 0 versions, 2 were here')
  await using server = await ServerProcess.start({ folder: there.data })
  const document = await (await fetch(`${server.url}/lib`)).json()
  expect(document).toMatchObject({
    'dist-tags': { latest: '1.0.0', next: '2.0.0' },
    time: DATES,
    maintainers: [{ name: 'anna' }],
  })
  expect(document.versions['1.0.0']).toMatchObject({ deprecated: 'old', dist: lib.versions['1.0.0']?.dist })
  expect(document.versions['2.0.0'].deprecated).toBeUndefined()
  const bytes = Buffer.from(await (await fetch(document.versions['1.0.0'].dist.tarball)).arrayBuffer())
  expect(sha512(bytes)).toBe(lib.versions['1.0.0']?.dist.integrity)
  expect((await fetch(`${server.url}/@team%2ftool/-/tool-1.0.0.tgz`)).status).toBe(200)
  expect((await fetch(`${server.url}/mirrored`)).status).toBe(404)
  expect([await login(server.url, 'anna-password'), await login(server.url, 'other-password')]).toEqual([
    201, 401,
  ])
})

test('what is damaged is named and left out, and comes with the next import once it is mended', async () => {
  await using there = await verdaccio({ list: ['lib', 'broken', 'lost'] })
  await there.add('lib', ['1.0.0', '2.0.0'])
  await there.add('lost', ['1.0.0'])
  await there.write('broken/package.json', '{"name": "broken", ')
  const whole = await readFile(join(there.storage, 'lib/lib-2.0.0.tgz'))
  await there.write('lib/lib-2.0.0.tgz', whole.subarray(0, 60))
  await there.write('lost/lost-1.0.0.tgz', 'no tarball')
  const users = ['--htpasswd', there.htpasswd, '--owner', 'anna']
  const taken = await there.take(...users)
  expect(taken.code).toBe(1)
  expect(taken.stdout).toMatch(/^left out: lib@2\.0\.0: /m)
  expect(taken.stdout).toMatch(/^left out: lost@1\.0\.0: /m)
  expect(taken.stdout).toMatch(/^left out: broken: .*package\.json cannot be read/m)
  expect(taken.stdout).toContain('1 package imported with 1 version')
  await there.write('lib/lib-2.0.0.tgz', whole)
  expect((await there.take(...users)).stdout).toContain('1 package imported with 1 version')
})

test('what was mirrored there comes along when it is asked for, without an owner', async () => {
  await using there = await verdaccio({ list: [] })
  await there.add('mirrored', ['1.0.0', '2.0.0'])
  const taken = await there.take('--mirrored')
  expect(taken).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('1 package imported with 2 versions'),
  })
  await using server = await ServerProcess.start({ folder: there.data })
  const document = await (await fetch(`${server.url}/mirrored`)).json()
  expect(document['dist-tags']).toEqual({ latest: '1.0.0', next: '2.0.0' })
  expect((await fetch(document.versions['2.0.0'].dist.tarball)).status).toBe(200)
})

test('a package nobody owns, a folder or an owner that is not there: each is told', async () => {
  await using there = await verdaccio({ list: ['lib'] })
  await there.add('lib', ['1.0.0'])
  expect((await there.take()).stdout).toContain('left out: lib: it names no publisher who has an account')
  expect(await there.take('--owner', 'nobody')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('nobody'),
  })
  const elsewhere = await entropic({ folder: there.data }, 'import', 'verdaccio', join(there.storage, 'gone'))
  expect(elsewhere).toMatchObject({ code: 2, stderr: `There is no folder ${join(there.storage, 'gone')}.\n` })
})

type Document = {
  versions: Record<string, { deprecated?: string; dist: { integrity?: string; shasum: string } }>
}

/** The storage folder as verdaccio 6 writes it, with `list` as what was published there; and an empty data folder of ours. */
async function verdaccio({ list }: { list: string[] }) {
  const folder = await temporaryFolder()
  const [storage, data] = [join(folder.path, 'storage'), join(folder.path, 'data')]
  await mkdir(storage)
  await mkdir(data)
  await writeFile(join(storage, '.verdaccio-db.json'), JSON.stringify({ list, secret: 'x' }))
  const htpasswd = join(folder.path, 'htpasswd')
  await writeFile(htpasswd, HTPASSWD)
  const write = async (path: string, content: string | Buffer) => {
    await mkdir(join(storage, path, '..'), { recursive: true })
    await writeFile(join(storage, path), content)
  }
  const add = async (name: string, versions: string[], change: (document: Document) => void = () => {}) => {
    const entries = await Promise.all(
      versions.map(async (version) => {
        const bytes = await packageTarball({ name, version })
        await write(`${name}/${name.replace(/^.*\//, '')}-${version}.tgz`, bytes)
        const dist = { integrity: sha512(bytes), shasum: sha1(bytes) }
        return [version, { name, version, dist, ...(version === '1.0.0' && { deprecated: 'old' }) }] as const
      }),
    )
    const document = { name, versions: Object.fromEntries(entries), time: DATES, _uplinks: {} }
    change(document)
    const tags = { latest: '1.0.0', ...(versions.includes('2.0.0') && { next: '2.0.0' }) }
    await write(`${name}/package.json`, JSON.stringify({ ...document, 'dist-tags': tags }))
    return document as Document
  }
  const take = (...flags: string[]) => entropic({ folder: data }, 'import', 'verdaccio', storage, ...flags)
  return {
    storage,
    data,
    htpasswd,
    write,
    add,
    take,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

async function login(url: string, password: string): Promise<number> {
  const response = await fetch(`${url}/-/user/org.couchdb.user:anna`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'anna', password }),
  })
  return response.status
}
