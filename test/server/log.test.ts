import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { resolveSettings } from '../../src/server/config.ts'

const LOG = JSON.stringify(join(import.meta.dirname, '../../src/server/log.ts'))

/** What a process that does this with its `log` writes to standard error. */
async function logged(logFormat: string, source: string): Promise<string> {
  const head = `import { createLog } from ${LOG}\nconst log = createLog({ logLevel: 'info', logFormat: '${logFormat}' })\n`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', head + source])
  const [stderr] = await Promise.all([text(child.stderr), once(child, 'close')])
  return stderr
}

test('people get short lines, with where an error comes from, and nothing that steers their terminal', async () => {
  const lines = await logged(
    'lines',
    `log.warn({ name: 'box', err: new Error('it broke', { cause: new Error('a \\u001b[2Jcause') }) }, 'no luck')
    log.debug({}, 'unimportant')
    log.info({}, 'done')`,
  )
  expect(lines).toMatch(/^\d\d:\d\d:\d\d warn {2}no luck name="box"\nError: it broke\n/)
  expect(lines).toContain('caused by: Error: a cause\n')
  expect(lines).toMatch(/\n\d\d:\d\d:\d\d info {2}done\n$/)
  expect(lines).not.toContain('unimportant')
})

test.each(['lines', 'json'])(
  'what libraries hang on an error stays out of the log, in its causes too (%s)',
  async (format) => {
    const lines = await logged(
      format,
      `const bad = (text) => Object.assign(new Error(text), {
      code: 'BAD',
      rawPacket: Buffer.from('secret'),
      command: { name: 'auth', args: ['user', 'secret'] },
    })
    log.warn({ err: bad('it broke') }, 'itself')
    log.warn({ err: Object.assign(bad('above'), { cause: bad('below'), lastNodeError: bad('beside') }) }, 'in others')
    log.warn({ err: new AggregateError([bad('one')], 'all') }, 'in many')
    log.warn({ err: Object.assign(new Error('list'), { previousErrors: [bad('earlier')] }) }, 'in a list')
    log.warn({ err: 'words' }, 'no error')`,
    )
    for (const text of ['it broke', 'above', 'below', 'words']) expect(lines).toContain(text)
    expect(lines).not.toMatch(/secret|rawPacket|command|\[115,101/)
  },
)

test('programs get JSON', async () => {
  expect(JSON.parse(await logged('json', "log.info({ name: 'box' }, 'done')"))).toMatchObject({
    level: 30,
    name: 'box',
    msg: 'done',
  })
  expect(
    resolveSettings({ flags: {}, environment: { LOG_FORMAT: 'json' }, folder: '/' }).config.logFormat,
  ).toBe('json')
})
