import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Client } from '../../clients/client.ts'
import { entropic, type Outcome } from '../../support/command-line.ts'
import { ServerProcess } from '../../support/server-process.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { type ScriptedUpstream, startUpstream } from '../../support/upstream.ts'

const packages = {
  app: { '1.0.0': { manifest: { dependencies: { '@kim/lib': '^1.0.0' } } } },
  '@kim/lib': { '1.0.0': {}, '1.2.0': {}, '1.3.0': {} },
  '@LEE/new': { '1.0.0': {} },
}

test('an application is installed from a registry that was fed by nothing but a bundle', async () => {
  await using sides = await twoSides()
  const { near, far, upstream } = sides
  const client = await Client.open('npm', {
    folder: sides.folder,
    registry: await sides.serve(near, upstream.url),
  })
  expect((await client.add('app', '@kim/lib@1.2.0')).code).toBe(0)
  const lock = join(client.project, 'package-lock.json')
  expect((await near('bundle', 'create', sides.bundle, '--from', lock)).code).toBe(0)
  await upstream.stop()
  expect((await far('bundle', 'import', sides.bundle, '--key', await keyOf(near))).stdout).toBe(
    '2 packages imported, 0 were here already\n',
  )
  const other = await Client.open('npm', { folder: sides.folder, registry: await sides.serve(far, 'none') })
  await other.write('package-lock.json', await readFile(lock, 'utf8').then((it) => withoutAddresses(it)))
  await other.write('package.json', await readFile(join(client.project, 'package.json'), 'utf8'))
  const clean = await other.run('ci')
  expect(clean.code, clean.output).toBe(0)
  const unlocked = await Client.open('npm', {
    folder: sides.folder,
    registry: await sides.serve(far, 'none'),
  })
  const added = await unlocked.add('app')
  expect(added.code, added.output).toBe(0)
  const tree = await readFile(join(unlocked.project, 'package-lock.json'), 'utf8')
  expect(JSON.parse(tree).packages['node_modules/@kim/lib'].version).toBe('1.2.0')
})

test('a bundle of an unknown key is refused, and nothing of it is seen', async () => {
  await using sides = await twoSides()
  const { near, far } = sides
  expect((await near('bundle', 'create', sides.bundle, 'app')).code).toBe(0)
  expect(await far('bundle', 'import', sides.bundle)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`--key ${await keyOf(near)}`),
  })
  expect((await fetch(`${await sides.serve(far, 'none')}/app`)).status).toBe(404)
})

test('a bundle that was changed anywhere is refused, and nothing of it is seen', async () => {
  await using sides = await twoSides()
  const { near, far } = sides
  await near('bundle', 'create', sides.bundle, 'app')
  expect(await near('bundle', 'verify', sides.bundle)).toMatchObject({ code: 0 })
  const key = await keyOf(near)
  const whole = await readFile(sides.bundle)
  const object = whole.indexOf('objects/')
  const changes = [
    whole.subarray(0, object - 512),
    whole.subarray(0, object + 700),
    flipped(whole, whole.indexOf('"app"') + 1),
    flipped(whole, object + 600),
  ]
  for (const bytes of changes) {
    await writeFile(sides.bundle, bytes)
    expect(await near('bundle', 'verify', sides.bundle)).toMatchObject({
      code: expect.toSatisfy((it) => it > 0),
    })
    expect(await far('bundle', 'import', sides.bundle, '--key', key)).toMatchObject({
      code: expect.toSatisfy((it) => it > 0),
      stdout: '',
    })
  }
  expect((await fetch(`${await sides.serve(far, 'none')}/app`)).status).toBe(404)
})

test('importing again changes nothing, and a later bundle adds its versions', async () => {
  await using sides = await twoSides()
  const { near, far, bundle } = sides
  const key = await keyOf(near)
  await near('bundle', 'create', bundle, '@kim/lib@1.0.0')
  const take = () => far('bundle', 'import', bundle, '--key', key)
  expect((await take()).stdout).toMatch(/^1 package imported/)
  expect((await take()).stdout).toBe('0 packages imported, 1 was here already\n')
  await near('bundle', 'create', bundle, '@kim/lib@1.3.0')
  expect((await near('bundle', 'list', bundle)).stdout).toMatch(/@kim\/lib +1\.3\.0/)
  expect((await take()).stdout).toMatch(/^1 package imported/)
  const document = await (await fetch(`${await sides.serve(far, 'none')}/@kim%2flib`)).json()
  expect([Object.keys(document.versions), document['dist-tags']]).toEqual([
    ['1.0.0', '1.3.0'],
    { latest: '1.3.0' },
  ])
})

test('the signing key is its owner’s alone, and a bundle that would lack something is not written', async () => {
  await using sides = await twoSides()
  expect(await keyOf(sides.near)).toMatch(/^ed25519:/)
  expect((await stat(join(sides.folder, 'near/secrets/bundle-key'))).mode & 0o777).toBe(0o600)
  expect(await sides.near('bundle', 'create', sides.bundle, 'app', 'gone')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('missing: gone'),
  })
  await expect(stat(sides.bundle)).rejects.toThrow('ENOENT')
  await writeFile(sides.bundle, '{"name":"box"}'.repeat(100))
  expect(await sides.near('bundle', 'import', sides.bundle)).toMatchObject({
    code: 2,
    stderr: 'The file is no bundle: it does not begin with a manifest.json.\n',
  })
})

test('a name in a namespace of ours is left out, in every spelling of it', async () => {
  await using sides = await twoSides()
  const { near, far, bundle } = sides
  const created = await near('bundle', 'create', bundle, '@LEE/new')
  expect(created.code, created.stderr).toBe(0)
  await sides.serve(far, 'none')
  const added = await entropic(
    { folder: sides.folder, input: 'a long secret of lee\n', environment: { CACHE_DIR: far.folder } },
    ...['user', 'add', 'lee', '--password-stdin'],
  )
  expect(added.code, added.stderr).toBe(0)
  expect((await far('bundle', 'import', bundle, '--key', await keyOf(near))).stdout).toBe(
    '0 packages imported, 0 were here already\nleft out: @LEE/new: the namespace "lee" is ours\n',
  )
})

test('a bundle that cannot be written is refused in one sentence', async () => {
  await using sides = await twoSides()
  const path = join(sides.folder, 'nowhere/x.bundle')
  const refused = await sides.near('bundle', 'create', path, 'app')
  expect(refused).toMatchObject({ code: 2, stdout: '' })
  expect(refused.stderr).toContain(`${path} cannot be written: `)
  expect(refused.stderr).not.toMatch(/^ +at /m)
})

type Side = ((...args: string[]) => Promise<Outcome>) & { folder: string }

/** Two registries that have nothing in common, and an upstream that only the near one can reach. */
async function twoSides() {
  await using opening = new AsyncDisposableStack()
  const { path: folder } = opening.use(await temporaryFolder())
  await mkdir(join(folder, 'near'))
  const upstream: ScriptedUpstream = opening.use(await startUpstream({ packages }))
  const servers: AsyncDisposableStack = opening.use(new AsyncDisposableStack())
  const side = (name: string, address: string): Side => {
    const environment = { UPSTREAM: address, CACHE_DIR: join(folder, name) }
    const run = (...args: string[]) => entropic({ folder, environment }, ...args)
    return Object.assign(run, { folder: join(folder, name) })
  }
  const serve = async (of: Side, address: string) =>
    servers.use(await ServerProcess.start({ folder: of.folder, upstream: address })).url
  const opened = opening.move()
  return {
    folder,
    upstream,
    serve,
    bundle: join(folder, 'app.bundle'),
    near: side('near', upstream.url),
    far: side('far', 'none'),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

async function keyOf(side: Side): Promise<string> {
  return (await side('bundle', 'key')).stdout.trim()
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at)
  return copy
}

/** A lock file as npm writes it where addresses are not to be kept: the other registry has another one. */
function withoutAddresses(lock: string): string {
  return lock.replace(/^\s*"resolved": .*\n/gm, '')
}
