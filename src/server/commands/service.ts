import { execFile } from 'node:child_process'
import { access, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { isExecutable } from '../assets.ts'
import { launchAgentFolder, userUnitFolder } from '../config/data-folder.ts'
import { flagOf, optionList } from '../config/options.ts'
import type { Settings } from '../config.ts'
import { Failure, sentenceOf } from '../failure.ts'
import type { Call } from './command.ts'
import { LABEL, launchAgent, type ServiceCommand, systemdUnit, UNIT } from './service-files.ts'

type Words = readonly [string, ...string[]]

/** How a system looks after services of a user. */
type Manager = {
  readonly file: string
  text(command: ServiceCommand): string
  readonly start: readonly Words[]
  readonly stop: readonly Words[]
  readonly status: Words
}

export async function installService({ settings }: Call): Promise<number> {
  const manager = managerHere()
  await mkdir(dirname(manager.file), { recursive: true })
  await writeFile(manager.file, manager.text(commandOf(settings)), { mode: 0o600 })
  process.stdout.write(`Wrote ${manager.file}\n`)
  for (const words of manager.start) await tell(words)
  process.stdout.write(
    `The server runs and starts again when you log in. Its data are in ${settings.config.cacheDir}\n`,
  )
  return 0
}

export async function uninstallService(): Promise<number> {
  const manager = managerHere()
  if (!(await isInstalled(manager))) throw new Failure('There is no service to uninstall.')
  for (const words of manager.stop) await tell(words)
  await rm(manager.file)
  process.stdout.write(`Removed ${manager.file}; the data stay.\n`)
  return 0
}

export async function serviceStatus(): Promise<number> {
  const manager = managerHere()
  if (!(await isInstalled(manager))) {
    process.stdout.write('The service is not installed.\n')
    return 1
  }
  const isRunning = await tell(manager.status).then(
    () => true,
    () => false,
  )
  process.stdout.write(
    `The service is installed (${manager.file}) and ${isRunning ? 'runs' : 'does not run'}.\n`,
  )
  return isRunning ? 0 : 1
}

function managerHere(): Manager {
  const manager = managers[process.platform]?.()
  if (manager) return manager
  throw new Failure(
    'There are no user services here that this command knows. On Windows, give the task scheduler "entropic serve", at log on.',
  )
}

const systemctl = (...words: readonly string[]): Words => ['systemctl', '--user', ...words]

const managers: Readonly<Record<string, () => Manager>> = {
  linux: () => ({
    file: join(userUnitFolder(), UNIT),
    text: systemdUnit,
    start: [systemctl('daemon-reload'), systemctl('enable', '--now', UNIT)],
    stop: [systemctl('disable', '--now', UNIT)],
    status: systemctl('is-active', '--quiet', UNIT),
  }),
  darwin: () => {
    const file = join(launchAgentFolder(), `${LABEL}.plist`)
    const domain = `gui/${process.getuid?.()}`
    return {
      file,
      text: launchAgent,
      start: [['launchctl', 'bootstrap', domain, file]],
      stop: [['launchctl', 'bootout', `${domain}/${LABEL}`]],
      status: ['launchctl', 'print', `${domain}/${LABEL}`],
    }
  },
}

/** This very program with the options it was given as flags, and always the same data folder. */
function commandOf({ config, list }: Settings): ServiceCommand {
  const program = isExecutable ? [process.execPath] : [process.execPath, process.argv[1] ?? '']
  const flags = optionList.flatMap((option) => {
    const flag = flagOf(option)
    const given = list.find(({ env, origin }) => env === option.env && origin === 'flag')
    return flag === undefined || !given || option.env === 'CACHE_DIR' ? [] : [`--${flag}=${given.value}`]
  })
  return [...program, 'serve', `--cache-dir=${config.cacheDir}`, ...flags]
}

async function isInstalled({ file }: Manager): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}

async function tell([command, ...args]: Words): Promise<void> {
  try {
    await promisify(execFile)(command, args)
  } catch (error) {
    const words = [command, ...args].join(' ')
    throw new Failure(`"${words}" failed: ${sentenceOf(error)}`, { exitCode: 1, cause: error })
  }
}
