import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const NPM = join(import.meta.dirname, '../../node_modules/npm/bin/npm-cli.js')
/** Nothing but what is measured: no audit, no scripts, no look for a newer npm. */
const QUIET = ['--no-audit', '--no-fund', '--ignore-scripts', '--no-update-notifier', '--loglevel=error']

/** Runs the real npm in a folder that is its home, too; throws unless it ends well. */
export async function runNpm(home: string, ...args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [NPM, ...args, ...QUIET], {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`npm ${args.join(' ')} ended with ${code}`)
}

/** The `.npmrc` of such a home. */
export function npmrc(registry: string, home: string, token?: string): string {
  const login = token === undefined ? '' : `//${new URL(registry).host}/:_authToken=${token}\n`
  return `registry=${registry}/\ncache=${home}/cache\n${login}`
}
