import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { commands } from '../../src/server/commands/commands.ts'
import { parseCommandLine } from '../../src/server/commands/parse.ts'
import { entropic } from '../support/command-line.ts'
import { ServerProcess } from '../support/server-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PASSWORD = 'correct horse battery staple'

const parsed = (...argv: string[]) => {
  const { command, names, flags, options } = parseCommandLine(argv, commands)
  return { command: command.words, names, flags, options }
}

test('the longest words that name a command are the command, and none is serve', () => {
  expect(parsed().command).toBe('serve')
  expect(parsed('--port', '0', '--offline')).toMatchObject({
    command: 'serve',
    options: { PORT: '0', OFFLINE: 'true' },
  })
  expect(parsed('config').command).toBe('config')
  expect(parsed('config', 'check', '--no-offline')).toMatchObject({
    command: 'config check',
    options: { OFFLINE: 'false' },
  })
  expect(parsed('user', 'add', 'kim', '--admin', '--email=kim@x')).toMatchObject({
    command: 'user add',
    names: ['kim'],
    flags: { admin: '', email: 'kim@x' },
  })
  expect(parsed('--version').command).toBe('version')
})

test('help is a command, a flag and a letter', () => {
  expect(parsed('help', 'user', 'add')).toMatchObject({ command: 'help', names: ['user', 'add'] })
  expect(parsed('user', 'add', '--help')).toMatchObject({ command: 'help', names: ['user', 'add'] })
  expect(parsed('token', 'list', '-h')).toMatchObject({ command: 'help', names: ['token', 'list'] })
  expect(parsed('--help')).toMatchObject({ command: 'help', names: [] })
})

test('every mistake of a command line is told, with what was meant', () => {
  expect(() => parsed('serv')).toThrow('There is no command "serv". Did you mean "serve"?')
  expect(() => parsed('user')).toThrow('"user" needs one more word: user add, user passwd, user list.')
  expect(() => parsed('user', 'add')).toThrow('"user add" needs NAME.')
  expect(() => parsed('user', 'add', 'kim', 'jo')).toThrow('"jo" is one word too many.')
  expect(() => parsed('serve', '--prot', '--host', '--offline')).toThrow(
    'There is no flag --prot. Did you mean --port?\nThe flag --host needs a value.',
  )
  expect(() => parsed('user', 'add', 'kim', '--admin=no')).toThrow('The flag --admin takes no value.')
})

test('no secret can be given as an argument', () => {
  for (const flag of ['password', 'session-secret', 'postgres-url', 'oauth-github-secret'])
    expect(() => parsed('serve', `--${flag}=x`), flag).toThrow('There is no flag')
})

test('usage and configuration mistakes exit with 2, without a stack trace', async () => {
  await using folder = await temporaryFolder()
  const typo = await entropic({ folder: folder.path }, 'srve')
  expect(typo).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('Did you mean "serve"?'),
  })
  const environment = { PORT: 'x', MAX_FILES: '0' }
  const config = await entropic({ folder: folder.path, environment }, 'config', 'check')
  expect(config).toMatchObject({ code: 2, stderr: expect.stringContaining('PORT is "x"') })
  expect(config.stderr).toContain('MAX_FILES is "0"')
  expect(typo.stderr + config.stderr).not.toMatch(/^\s+at /m)
})

test('config shows values with their source, and secrets as dots', async () => {
  await using folder = await temporaryFolder()
  const environment = { SESSION_SECRET: PASSWORD, MAX_FILES: '12' }
  const { stdout, code } = await entropic({ folder: folder.path, environment }, 'config', '--port', '4873')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^PORT +4873 +flag$/m)
  expect(stdout).toMatch(/^MAX_FILES +12 +environment$/m)
  expect(stdout).toMatch(/^SESSION_SECRET +●●● +environment$/m)
  expect(stdout).not.toContain(PASSWORD)
})

test('migrate --check tells what would run, migrate runs it', async () => {
  await using folder = await temporaryFolder()
  const run = (...args: string[]) => entropic({ folder: folder.path }, 'migrate', ...args)
  expect(await run('--check')).toMatchObject({ code: 1, stdout: expect.stringContaining('would run 0001') })
  expect(await run()).toMatchObject({ code: 0, stdout: expect.stringContaining('ran 0001') })
  expect(await run('--check')).toMatchObject({ code: 0, stdout: 'The database is up to date.\n' })
})

test('accounts and tokens are made beside a running server', async () => {
  await using folder = await temporaryFolder()
  await using server = await ServerProcess.start({ folder: folder.path })
  const run = (...args: string[]) => entropic({ folder: folder.path, input: `${PASSWORD}\n` }, ...args)
  expect((await run('user', 'add', 'kim', '--admin', '--password-stdin')).code).toBe(0)
  expect((await run('user', 'list')).stdout).toMatch(/^kim +admin/m)

  const { stdout } = await run('token', 'create', 'kim', '--description', 'ci', '--read-only')
  expect(stdout).toMatch(/^ent_[\w-]+\n$/)
  const whoami = () =>
    fetch(`${server.url}/-/whoami`, { headers: { authorization: `Bearer ${stdout.trim()}` } })
  expect(await (await whoami()).json()).toEqual({ username: 'kim' })

  const [, id = ''] = /^(\S+) +kim .*ci$/m.exec((await run('token', 'list', 'kim')).stdout) ?? []
  expect((await run('token', 'revoke', id)).code).toBe(0)
  expect((await whoami()).status).toBe(401)
})

test('what cannot be done is one sentence and exit code 1', async () => {
  await using folder = await temporaryFolder()
  const run = (...args: string[]) => entropic({ folder: folder.path, input: PASSWORD }, ...args)
  await run('user', 'add', 'kim', '--password-stdin')
  const again = await run('user', 'add', 'kim', '--password-stdin')
  expect(again).toEqual({ code: 1, stdout: '', stderr: 'The name "kim" is taken.\n' })
  expect(await run('token', 'create', 'jo')).toMatchObject({ code: 1, stderr: 'Could not find "jo"\n' })
  expect(await run('user', 'add', 'jo')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no terminal'),
  })
})

test('a mistyped data folder is told, not made', async () => {
  await using folder = await temporaryFolder()
  const typo = join(folder.path, 'typo')
  for (const words of [['gc'], ['user', 'list'], ['mode', 'offline'], ['bundle', 'key'], ['doctor']]) {
    const { code, stdout, stderr } = await entropic({ folder: folder.path }, ...words, '--cache-dir', typo)
    expect({ code, told: stdout + stderr }, words.join(' ')).toEqual({
      code: 1,
      told: expect.stringContaining(typo),
    })
    expect(await readdir(folder.path), words.join(' ')).toEqual([])
  }
})

test('names from outside cannot steer the terminal', async () => {
  await using folder = await temporaryFolder()
  const run = (...args: string[]) => entropic({ folder: folder.path, input: PASSWORD }, ...args)
  await run('user', 'add', 'kim', '--password-stdin', '--email', '\u001b[2Jkim@x\u0007')
  const { stdout } = await run('user', 'list')
  expect(stdout).toContain('kim@x')
  expect([...stdout].filter((letter) => letter !== '\n' && letter < ' ')).toEqual([])
})

test('every command explains itself', async () => {
  await using folder = await temporaryFolder()
  const overview = await entropic({ folder: folder.path }, '--help')
  for (const { words } of commands) expect(overview.stdout).toContain(`  ${words}`)
  const serve = await entropic({ folder: folder.path }, 'serve', '--help')
  expect(serve.stdout).toContain('--cache-dir … (CACHE_DIR)')
  expect(serve.stdout).toContain('SESSION_SECRET_FILE')
  expect((await entropic({ folder: folder.path }, 'version')).stdout).toBe(`${manifest.version}\n`)
})

test('a Node that is too old gets one sentence', async () => {
  await using folder = await temporaryFolder()
  const script = join(folder.path, 'scripts/entropic.mjs')
  await mkdir(join(folder.path, 'scripts'))
  await copyFile(join(import.meta.dirname, '../../scripts/entropic.mjs'), script)
  await writeFile(join(folder.path, 'package.json'), '{"engines":{"node":"^98.1.2 || >=99.0.0"}}')
  const outcome = await entropic({ folder: folder.path, script })
  expect(outcome).toMatchObject({ code: 1, stdout: '' })
  expect(outcome.stderr).toContain('entropic needs Node ^98.1.2 || >=99.0.0, this is')
})
