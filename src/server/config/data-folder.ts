import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { isExecutable } from '../assets.ts'

/** Where the data lies unless told: `data` beside a checkout; for the executable, where the platform keeps programs' data. */
export function dataFolder(): string {
  return isExecutable ? standardFolder('data') : 'data'
}

/** Where the executable unpacks what the system can only load from a file. */
export function unpackFolder(): string {
  return standardFolder('cache')
}

const XDG = {
  data: { env: 'XDG_DATA_HOME', path: '.local/share' },
  cache: { env: 'XDG_CACHE_HOME', path: '.cache' },
} as const

function standardFolder(kind: keyof typeof XDG): string {
  const home = homeFolder()
  if (process.platform === 'win32') {
    return join(process.env.LOCALAPPDATA ?? join(home, 'AppData/Local'), 'Entropic', kind)
  }
  if (process.platform === 'darwin') {
    return join(home, 'Library', kind === 'data' ? 'Application Support' : 'Caches', 'Entropic')
  }
  const { env, path } = XDG[kind]
  // The convention ignores relative paths.
  const base = process.env[env]?.startsWith('/') ? process.env[env] : join(home, path)
  return join(base, 'entropic')
}

/** A service's user has no home at times, a container no list of users to look it up in. */
function homeFolder(): string {
  try {
    return homedir()
  } catch {
    return join(tmpdir(), `entropic-${process.getuid?.() ?? 'home'}`)
  }
}
