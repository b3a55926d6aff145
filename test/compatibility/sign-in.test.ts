import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Client, ClientName } from '../clients/client.ts'
import { noTerminal, type Terminal } from '../support/terminal.ts'
import { Visitor } from '../support/visitor.ts'
import { ALL, NPM, PNPM, row } from './rows.ts'
import { fails, type Stage, works, writePackage } from './stage.ts'
import type { Wire } from './wire.ts'

/** What a row needs that people sit before. */
const atTerminal = (clients: readonly ClientName[]) => (noTerminal ? [] : clients)

const LOGIN_PAGE = /http\S+\/www\/login\?cli=[\w-]+/

/** Opens the page that the client points to, logs in, and allows the computer. */
async function allow(login: Terminal, wire: Wire): Promise<void> {
  const loginUrl = await login.printed(LOGIN_PAGE)
  expect(loginUrl.startsWith(`${wire.url}/`)).toBe(true)
  const kim = new Visitor(wire.url)
  const base = wire.url.slice(new URL(wire.url).origin.length)
  await kim.get(loginUrl)
  await kim.submit(`${base}/www/login`, { name: 'kim', password: 'kim-password' })
  await kim.submit(`${base}/www/login/answer`, { answer: 'allow' })
}

async function logInByWeb(stage: Stage, name: ClientName, token?: string) {
  const { wire } = await stage.registry({ wire: { under: '/npm/private' } })
  const client = await stage.client(name, wire, { token })
  const login = client.atTerminal('login')
  await allow(login, wire)
  const { code, output } = await login.ended
  expect([code, output]).toEqual([0, expect.anything()])
  expect(await works(client, 'whoami')).toContain('kim')
  return wire.heard.filter(({ path }) => path.includes('/-/v1/login'))
}

row(
  {
    number: 51,
    statement: 'login opens the browser and waits for somebody to allow it',
    clients: atTerminal(NPM),
  },
  async (stage, name) => {
    const asked = await logInByWeb(stage, name)
    expect(asked.map(({ status }) => status)).toContain(202)
    for (const { path } of asked) expect(path).toMatch(/^\/npm\/private\//)
  },
)

row(
  {
    number: 52,
    statement: 'the same for who polls without a name',
    clients: atTerminal(['pnpm', 'pnpm@12']),
  },
  async (stage, name) => {
    const [, ...polls] = await logInByWeb(stage, name)
    expect(polls.at(-1)?.status).toBe(200)
    for (const { headers } of polls) expect(headers.authorization).toBeUndefined()
  },
)

row(
  { number: 54, statement: 'a token that is gone hinders no login', clients: atTerminal(NPM) },
  async (stage, name) => {
    const asked = await logInByWeb(stage, name, 'ent_long_gone')
    expect(asked[0]?.headers.authorization).toBe('Bearer ent_long_gone')
  },
)

/** Stands for a registry that logs in by password alone. */
function withoutWebLogin(wire: Wire): void {
  wire.interrupt = ({ url }, reply) => {
    if (!url?.startsWith('/-/v1/login')) return false
    reply.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not here"}')
    return true
  }
}

/** pnpm 10 leaves it to npm. */
const hasLoginOfItsOwn = ({ name }: Client) => name === 'pnpm' || name === 'pnpm@12'

async function logInByPassword(client: Client, password: string, words: readonly string[] = ['login']) {
  const login = client.atTerminal(...words)
  await login.answer(/user ?name:/i, 'kim')
  await login.answer(/password:/i, password, 'secret')
  if (hasLoginOfItsOwn(client)) await login.answer(/email[^:]*:/i, 'kim@example.org')
  return login.ended
}

row(
  {
    number: 53,
    statement: 'without login in the browser the password is asked for',
    clients: atTerminal([...NPM, ...PNPM]),
  },
  async (stage, name) => {
    const { wire } = await stage.registry()
    withoutWebLogin(wire)
    const client = await stage.client(name, wire)
    expect(await logInByPassword(client, 'kim-password')).toMatchObject({ code: 0 })
    expect(await works(client, 'whoami')).toContain('kim')
  },
)

row(
  { number: 55, statement: 'a wrong password is told as such', clients: atTerminal([...NPM, ...PNPM]) },
  async (stage, name) => {
    const { app, wire } = await stage.registry()
    const client = await stage.client(name, wire)
    if (hasLoginOfItsOwn(client)) withoutWebLogin(wire) // it cannot be told to go another way
    const words = hasLoginOfItsOwn(client) ? ['login'] : ['login', '--auth-type=legacy']
    expect(await logInByPassword(client, 'guess', words)).toMatchObject({
      code: 1,
      output: expect.stringMatching(/401.*password|password.*401|password is wrong|wrong password/is),
    })
    expect(await logInByPassword(client, 'kim-password', words)).toMatchObject({ code: 0 })
    expect(await app.registry.tokens.list('kim')).toHaveLength(2)
  },
)

row(
  { number: 56, statement: 'a publish logs in by password for itself alone', clients: atTerminal(['yarn']) },
  async (stage, name) => {
    const { app, wire, kim } = await stage.registry()
    const client = await stage.client(name, wire)
    await writePackage(client, { name: '@kim/box', version: '1.0.0' })
    const publish = client.atTerminal('publish', '--new-version', '1.0.0', '--registry', wire.url)
    await publish.answer(/username:/i, 'kim')
    await publish.answer(/email:/i, 'kim@example.org')
    await publish.answer(/password:/i, 'kim-password', 'secret')
    const { code, output } = await publish.ended
    expect([code, output]).toEqual([0, expect.anything()])
    const [login, put, logout] = wire.lines(/^(?:PUT|DELETE) /)
    expect([login, put]).toEqual(['PUT /-/user/org.couchdb.user:kim', 'PUT /@kim%2fbox'])
    expect(logout).toMatch(/^DELETE \/-\/user\/token\//)
    expect((await kim.get('/@kim%2fbox')).status).toBe(200)
    expect(await app.registry.tokens.list('kim')).toHaveLength(1)
  },
)

row(
  { number: 57, statement: 'login by password and in the browser', clients: atTerminal(['berry']) },
  async (stage, name) => {
    const { wire } = await stage.registry()
    const client = await stage.client(name, wire)
    expect(await logInByPassword(client, 'kim-password', ['npm', 'login'])).toMatchObject({ code: 0 })
    expect(await works(client, 'npm', 'whoami')).toContain('kim')
    await works(client, 'npm', 'logout')
    await fails(client, 'npm', 'whoami')
    const login = client.atTerminal('npm', 'login', '--web-login')
    await login.answer(/open your browser now/, 'n')
    await allow(login, wire)
    expect(await login.ended).toMatchObject({ code: 0 })
    expect(await works(client, 'npm', 'whoami')).toContain('kim')
  },
)

row(
  { number: 58, statement: 'a logout revokes the token', clients: [...NPM, ...PNPM] },
  async (stage, name) => {
    const { app, wire, kim } = await stage.registry()
    const client = await stage.client(name, wire, { token: kim.token })
    await works(client, 'logout')
    expect((await kim.get('/-/whoami')).status).toBe(401)
    expect(await app.registry.tokens.list('kim')).toHaveLength(0)
  },
)

const WHOAMI = {
  npm: ['whoami'],
  pnpm: ['whoami'],
  berry: ['npm', 'whoami'],
  bun: ['pm', 'whoami'],
  yarn: [],
} as const

/** Gives the client name and password instead of a token. */
async function useBasic(client: Client, url: string): Promise<void> {
  const basic = Buffer.from('kim:kim-password').toString('base64')
  await appendFile(join(client.home, '.npmrc'), `//${new URL(url).host}/:_auth=${basic}\n`)
  await appendFile(
    join(client.home, '.yarnrc.yml'),
    'npmAuthIdent: "kim:kim-password"\nnpmAlwaysAuth: true\n',
  )
}

row(
  {
    number: 59,
    statement: 'whoami tells who the token or the password belongs to',
    // Yarn 1 has no such command.
    clients: ALL.filter((name) => name !== 'yarn'),
  },
  async (stage, name) => {
    const { app, wire, kim } = await stage.registry()
    const client = await stage.client(name, wire, { token: kim.token })
    const whoami = WHOAMI[client.family]
    expect(await works(client, ...whoami)).toContain('kim')
    const other = await stage.client(name, wire)
    await fails(other, ...whoami)
    expect((await app.anonymous().get('/-/whoami')).status).toBe(401)
    await useBasic(other, wire.url)
    // Bun asks with tokens alone.
    if (name !== 'bun') expect(await works(other, ...whoami)).toContain('kim')
  },
)

row(
  { number: 60, statement: 'ping, search and view are answered', clients: [...NPM, ...PNPM, 'bun'] },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await kim.publish('dep-b', '1.0.0', { manifest: { description: 'holds things' } })
    const client = await stage.client(name, wire)
    const isBun = name === 'bun'
    expect(await works(client, isBun ? 'info' : 'view', 'dep-b')).toContain('holds things')
    if (isBun) return // it has neither of the others
    await works(client, 'ping')
    expect(await works(client, 'search', 'dep-b')).toContain('dep-b')
  },
)

row(
  {
    number: 61,
    statement: 'a search finds by text and keyword what the caller may read',
    clients: [...NPM, ...PNPM],
  },
  async (stage, name) => {
    const { app, wire, kim } = await stage.registry()
    await kim.publish('box-a', '1.0.0', { manifest: { description: 'a wooden thing', keywords: ['crate'] } })
    await kim.publish('box-b', '1.0.0', { manifest: { description: 'a wooden thing' } })
    const restricted = (document: object) => void Object.assign(document, { access: 'restricted' })
    await kim.publish('@kim/secret', '1.0.0', {
      manifest: { description: 'a wooden secret' },
      spoil: restricted,
    })
    const { token } = await app.user('lee')
    const lees = await stage.client(name, wire, { token })
    const kims = await stage.client(name, wire, { token: kim.token })
    const found = async (client: Client, ...words: readonly string[]) =>
      JSON.parse(await works(client, 'search', '--json', ...words))
        .map((one: { name: string }) => one.name)
        .sort()
    expect(await found(lees, 'wooden')).toEqual(['box-a', 'box-b'])
    expect(await found(kims, 'wooden')).toEqual(['@kim/secret', 'box-a', 'box-b'])
    expect(await found(lees, 'keywords:crate')).toEqual(['box-a'])
    const one = lees.family === 'npm' || name === 'pnpm@10' ? '--searchlimit=1' : '--search-limit=1'
    expect(await found(lees, 'wooden', one)).toHaveLength(1)
  },
)
