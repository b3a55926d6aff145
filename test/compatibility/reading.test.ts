import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { ADD, type Client } from '../clients/client.ts'
import { packageTarball } from '../support/tarball.ts'
import { ALL, NPM, PNPM, row } from './rows.ts'
import { anew, fails, installed, publishing, works, writePackage } from './stage.ts'
import type { Wire } from './wire.ts'

row(
  {
    number: 17,
    statement: 'a private registry and a private package refuse at once without token',
    clients: ALL,
  },
  async (stage, name) => {
    const closed = await stage.registry({ anonymousRead: false })
    await closed.kim.publish('dep-b', '1.0.0')
    const client = await stage.client(name, closed.wire)
    await fails(client, ...ADD[client.family], 'dep-b')
    expect(statuses(closed.wire, /^\/dep-b/)).toEqual([401])
    const open = await stage.registry()
    await open.kim.publish('@kim/box', '1.0.0', {
      spoil: (document) => Object.assign(document, { access: 'restricted' }),
    })
    const other = await stage.client(name, open.wire)
    await fails(other, ...ADD[client.family], '@kim/box')
    expect(statuses(open.wire, /^\/@kim/)).toEqual([404])
  },
)

function statuses(wire: Wire, path: RegExp): number[] {
  return wire.heard.filter((one) => path.test(one.path)).map(({ status }) => status)
}

row(
  { number: 18, statement: 'a token reads what is private', clients: [...NPM, ...PNPM, 'bun'] },
  async (stage, name) => {
    const { wire, kim } = await stage.registry({ anonymousRead: false })
    await kim.publish('dep-b', '1.0.0')
    const client = await stage.client(name, wire, { token: kim.token })
    await works(client, ...ADD[client.family], 'dep-b')
    expect(await installed(client, 'dep-b')).toBe('1.0.0')
  },
)

row(
  {
    number: 19,
    statement: 'a token reads what is private when it is told to send it',
    clients: ['yarn', 'berry'],
  },
  async (stage, name) => {
    const { wire, kim } = await stage.registry({ anonymousRead: false })
    await kim.publish('dep-b', '1.0.0')
    const client = await stage.client(name, wire, { token: kim.token })
    if (name === 'yarn') await appendFile(join(client.home, '.npmrc'), 'always-auth=true\n')
    await works(client, ...ADD[client.family], 'dep-b')
    expect(await installed(client, 'dep-b')).toBe('1.0.0')
  },
)

row(
  { number: 20, statement: 'name and password read and publish', clients: [...NPM, ...PNPM, 'bun'] },
  async (stage, name) => {
    const { wire, kim } = await stage.registry({ anonymousRead: false })
    await kim.publish('dep-b', '1.0.0')
    const client = await stage.client(name, wire)
    const basic = Buffer.from('kim:kim-password').toString('base64')
    await appendFile(join(client.home, '.npmrc'), `//${new URL(wire.url).host}/:_auth=${basic}\n`)
    await works(client, ...ADD[client.family], 'dep-b')
    await writePackage(client, { name: '@kim/box', version: '1.0.0' })
    await works(client, ...publishing(client))
    expect((await kim.get('/@kim%2fbox')).status).toBe(200)
  },
)

row(
  { number: 21, statement: 'tags, ranges, versions and aliases lead to the right version', clients: ALL },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    for (const version of ['1.0.0', '1.1.0', '2.0.0']) await kim.publish('dep-a', version)
    await kim.publish('dep-a', '3.0.0-beta.1', { tag: 'beta' })
    const client = await stage.client(name, wire)
    const wanted = { '@beta': '3.0.0-beta.1', '@^1.0.0': '1.1.0', '@1.0.0': '1.0.0', '': '2.0.0' }
    for (const [asked, version] of Object.entries(wanted)) {
      await works(client, ...ADD[client.family], `dep-a${asked}`)
      expect(await installed(client, 'dep-a')).toBe(version)
      await anew(client)
    }
    await works(client, ...ADD[client.family], 'x@npm:dep-a@1')
    expect(await installed(client, 'x')).toBe('1.1.0')
  },
)

row(
  {
    number: 22,
    statement: 'who has the document is told that it is still current',
    // pnpm 10 asks without condition each time.
    clients: [...NPM, 'pnpm', 'pnpm@12', 'berry', 'bun'],
  },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await kim.publish('dep-b', '1.0.0')
    const client = await stage.client(name, wire)
    await works(client, ...ADD[client.family], 'dep-b')
    await anew(client)
    wire.heard.length = 0
    await works(client, ...ADD[client.family], 'dep-b')
    const asked = wire.heard.filter(({ path }) => path === '/dep-b')
    expect(asked.map(({ status, bytes }) => [status, bytes])).toEqual([[304, 0]])
  },
)

row(
  {
    number: 23,
    statement: 'a version of this very second is seen by who has the document of before',
    clients: ALL,
  },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await kim.publish('dep-b', '1.0.0')
    const client = await stage.client(name, wire)
    await works(client, ...ADD[client.family], 'dep-b')
    await kim.publish('dep-b', '1.1.0')
    await anew(client)
    await works(client, ...ADD[client.family], 'dep-b')
    expect(await installed(client, 'dep-b')).toBe('1.1.0')
  },
)

row(
  { number: 24, statement: 'the document of the latest version alone is there', clients: ['pnpm@12'] },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await kim.publish('dep-a', '1.0.0')
    const files = { 'index.js': '#!/usr/bin/env node\nconsole.log("it runs")\n' }
    await kim.publish('@kim/box', '1.0.0', { manifest: { bin: { box: 'index.js' } }, files })
    const client = await stage.client(name, wire)
    await works(client, 'add', 'dep-a')
    expect(await works(client, 'dlx', '@kim/box')).toContain('it runs')
    const latest = wire.heard.filter(({ path }) => path.endsWith('/latest'))
    expect(new Set(latest.map(({ path, status }) => `${path} ${status}`))).toEqual(
      new Set(['/dep-a/latest 200', '/@kim%2Fbox/latest 200']),
    )
  },
)

row(
  { number: 26, statement: 'a tarball is the bytes that were published, as they were', clients: ALL },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    const tarball = await packageTarball(
      { name: 'dep-b', version: '1.0.0' },
      { 'index.js': 'module.exports = "b"' },
    )
    await kim.publish('dep-b', '1.0.0', { tarball })
    const client = await stage.client(name, wire)
    await works(client, ...ADD[client.family], 'dep-b')
    expect(await contentOf(client, 'dep-b/index.js')).toBe('module.exports = "b"')
    const path = '/dep-b/-/dep-b-1.0.0.tgz'
    expect(wire.heard.find((one) => one.path === path)).toMatchObject({ status: 200, bytes: tarball.length })
    const got = await kim.get(path, { 'accept-encoding': 'gzip, br, zstd' })
    expect(got.bytes).toEqual(tarball)
    const { status, headers, bytes } = await kim.send('HEAD', path)
    for (const it of [got.headers, headers])
      expect([it.get('content-length'), it.get('content-encoding')]).toEqual([String(tarball.length), null])
    expect([status, bytes.length]).toEqual([200, 0])
  },
)

function contentOf(client: Client, path: string): Promise<string> {
  return readFile(join(client.project, 'node_modules', path), 'utf8')
}
