import { type Local, www } from '../http/local.ts'

export const SEARCH = www('search')
export const LOGIN = www('login')
export const ACCOUNT = www('account')
export const TOKENS = www('tokens')

/** Where a package's pages are; a name's slash stays one. */
export function packagePath(npmName: string, ...rest: readonly string[]): Local {
  const [scope, bare] = npmName.split('/')
  const name = bare === undefined ? [npmName] : [scope ?? '', bare]
  return www('package', ...name, ...rest)
}

/** The pages of one version: its files under `files/…`, and as they are under `raw/…`. */
export function versionPath(npmName: string, version: string, ...rest: readonly string[]): Local {
  return packagePath(npmName, 'v', version, ...rest)
}

export function filePath(npmName: string, version: string, file: string): Local {
  return versionPath(npmName, version, 'files', ...(file === '' ? [] : file.split('/')))
}

export const namespacePath = (name: string): Local => www('namespace', name)
export const teamsPath = (namespace: string): Local => namespacePath(namespace).at('team')
export const teamPath = (namespace: string, team: string): Local => teamsPath(namespace).at(team)
export const userPath = (name: string): Local => www('user', name)
