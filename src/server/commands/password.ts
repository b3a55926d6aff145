import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Failure, usage } from '../failure.ts'

/** A new password: all of standard input, or asked for twice on the terminal without showing it. */
export async function newPassword(flags: Readonly<Record<string, string | undefined>>): Promise<string> {
  if ('password-stdin' in flags) return (await text(process.stdin)).replace(/\r?\n$/, '')
  if (!process.stdin.isTTY)
    throw usage(
      'There is no terminal to ask for the password on. Give it on standard input with --password-stdin.',
    )
  const password = await ask('Password: ')
  if (password !== (await ask('Once more: '))) throw new Failure('The two passwords differ.')
  return password
}

/** The question goes to standard error, so that standard output holds a command's product alone. */
async function ask(question: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  const aborted = new AbortController()
  terminal.on('close', () => aborted.abort())
  process.stderr.write(question)
  try {
    return await terminal.question('', { signal: aborted.signal })
  } catch (error) {
    throw new Failure('No password was given.', { exitCode: 1, cause: error })
  } finally {
    terminal.close()
    process.stderr.write('\n')
  }
}
