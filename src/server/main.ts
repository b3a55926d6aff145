import { isFault } from '../base/fault.ts'
import { commands } from './commands/commands.ts'
import { parseCommandLine } from './commands/parse.ts'
import { readSettings } from './config.ts'
import { Failure, sentenceOf } from './failure.ts'

/** Runs the command line's command and ends the process with its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  // Before anything is read: a thread waits for the disk at each sync, and with Node's four all files would wait with it.
  process.env.UV_THREADPOOL_SIZE ??= '16'
  const code = await run(argv).catch(explain)
  // What was printed leaves the process before it ends.
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
}

async function run(argv: readonly string[]): Promise<number> {
  const { command, names, flags, options } = parseCommandLine(argv, commands)
  const execute = await command.load()
  return execute({
    names,
    flags,
    // Read only by commands that need them: a mistake in the configuration must not keep anybody from the help.
    get settings() {
      return readSettings(options)
    },
  })
}

function explain(error: unknown): number {
  process.stderr.write(`${sentenceOf(error)}\n`)
  if (error instanceof Failure) return error.exitCode
  return isFault(error, 'INVALID_NAME', 'BAD_REQUEST') ? 2 : 1
}
