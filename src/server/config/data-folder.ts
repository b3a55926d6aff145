import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { isCheckout } from '../assets.ts'

/** Where the data lies unless told: `data` beside a checkout; else where the platform keeps programs' data. */
export function dataFolder(): string {
  return isCheckout ? 'data' : standardFolder('data')
}

/** Where the executable unpacks what the system can only load from a file. */
export function unpackFolder(): string {
  return standardFolder('cache')
}

/** Where systemd looks for the user's own services. */
export function userUnitFolder(): string {
  return join(xdgFolder('config'), 'systemd/user')
}

/** Where launchd looks for the user's own services. */
export function launchAgentFolder(): string {
  return join(homeFolder(), 'Library/LaunchAgents')
}

const XDG = {
  data: { env: 'XDG_DATA_HOME', path: '.local/share' },
  cache: { env: 'XDG_CACHE_HOME', path: '.cache' },
  config: { env: 'XDG_CONFIG_HOME', path: '.config' },
} as const

function standardFolder(kind: 'data' | 'cache'): string {
  if (process.platform === 'win32')
    return join(process.env.LOCALAPPDATA ?? join(homeFolder(), 'AppData/Local'), 'Entropic', kind)
  if (process.platform === 'darwin')
    return join(homeFolder(), 'Library', kind === 'data' ? 'Application Support' : 'Caches', 'Entropic')
  return join(xdgFolder(kind), 'entropic')
}

function xdgFolder(kind: keyof typeof XDG): string {
  const { env, path } = XDG[kind]
  const given = process.env[env]
  return given?.startsWith('/') ? given : join(homeFolder(), path) // the convention ignores relative paths
}

/** A service's user has no home at times, a container no list of users to look it up in. */
function homeFolder(): string {
  try {
    return homedir()
  } catch {
    return join(tmpdir(), `entropic-${process.getuid?.() ?? 'home'}`)
  }
}
