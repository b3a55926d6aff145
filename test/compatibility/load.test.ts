import { expect } from 'vitest'
import { ADD } from '../clients/client.ts'
import { sha512 } from '../support/tarball.ts'
import { type ScriptedPackages, tarballPath } from '../support/upstream.ts'
import { ALL, NPM, row } from './rows.ts'
import { installed, works } from './stage.ts'

const PACKAGES = 100
const CLIENTS = 4
const INSTALLS = 50

/** A package that needs all others of the tree. */
function wideTree(): ScriptedPackages {
  const names = Array.from({ length: PACKAGES - 1 }, (_, i) => `leaf-${i}`)
  const leaves = names.map((name) => [
    name,
    { '1.0.0': { files: { 'index.js': `// ${name}\n`.repeat(500) } } },
  ])
  const dependencies = Object.fromEntries(names.map((name) => [name, '^1.0.0']))
  return { ...Object.fromEntries(leaves), root: { '1.0.0': { manifest: { dependencies } } } }
}

row(
  { number: 27, statement: 'many installs of a large tree at once lose nothing', clients: ALL },
  async (stage, name) => {
    const upstream = await stage.upstream(wideTree())
    const { wire, app } = await stage.registry({ upstream: upstream.url })
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => stage.client(name, wire)))
    await Promise.all(clients.map((client) => works(client, ...ADD[client.family], 'root')))
    for (const client of clients) expect(await installed(client, 'root')).toBe('1.0.0')
    expect(wire.heard.filter(({ status }) => status >= 500)).toEqual([])
    for (const path of wire.heard.map((one) => one.path).filter((one) => one.endsWith('.tgz')))
      expect(upstream.count(decodeURIComponent(path))).toBe(1)
    // What clients then ask for, without the time they take themselves.
    await Promise.all(
      Array.from({ length: INSTALLS }, () => installBare(app.url, upstream.tarball.bind(upstream))),
    )
  },
)

async function installBare(url: string, original: (name: string, version: string) => Buffer): Promise<void> {
  for (const name of Object.keys(wideTree())) {
    const { versions } = await (await fetch(`${url}/${name}`)).json()
    const reply = await fetch(url + tarballPath(name, '1.0.0'))
    const bytes = Buffer.from(await reply.arrayBuffer())
    expect([reply.status, sha512(bytes)]).toEqual([200, versions['1.0.0'].dist.integrity])
    expect(bytes.length).toBe(original(name, '1.0.0').length)
  }
}

const VERSIONS = 8000
/** Of each version: 40 MB in all. */
const TEXT = 'x'.repeat(5 * 1024)

row(
  {
    number: 70,
    statement: 'a package document of 40 MB is answered, again without its bytes',
    clients: [...NPM, 'bun'],
  },
  async (stage, name) => {
    const upstream = await stage.upstream({ huge: { '1.0.0': {} } })
    upstream.change('huge', ({ versions, time }) => {
      for (let patch = 1; patch < VERSIONS; patch++) {
        versions[`0.0.${patch}`] = { ...versions['1.0.0'], version: `0.0.${patch}`, contributors: [TEXT] }
        time[`0.0.${patch}`] = time['1.0.0']
      }
    })
    const { wire, kim } = await stage.registry({ upstream: upstream.url })
    const client = await stage.client(name, wire)
    await works(client, ...ADD[client.family], 'huge')
    expect(await installed(client, 'huge')).toBe('1.0.0')
    const whole = await kim.get('/huge')
    expect(whole.bytes.length).toBeGreaterThan(40_000_000)
    const again = await kim.get('/huge', { 'if-none-match': whole.headers.get('etag') ?? '' })
    expect([again.status, again.bytes.length]).toEqual([304, 0])
    expect(upstream.count('/huge')).toBe(1)
  },
)
