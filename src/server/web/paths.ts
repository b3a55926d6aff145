/** Where a package's pages are; a name's slash stays one. */
export function packagePath(npmName: string, ...rest: readonly string[]): string {
  const [scope, bare] = npmName.split('/')
  const name = bare === undefined ? [npmName] : [scope ?? '', bare]
  return `/www/package/${[...name, ...rest].map(segment).join('/')}`
}

/** The pages of one version: its files under `files/…`, and as they are under `raw/…`. */
export function versionPath(npmName: string, version: string, ...rest: readonly string[]): string {
  return packagePath(npmName, 'v', version, ...rest)
}

export function filePath(npmName: string, version: string, file: string): string {
  return versionPath(npmName, version, 'files', ...(file === '' ? [] : file.split('/')))
}

export const namespacePath = (name: string): string => `/www/namespace/${segment(name)}`
export const userPath = (name: string): string => `/www/user/${segment(name)}`

/** encodeURIComponent, but for the signs of names and versions that are legal in a path anyway. */
function segment(text: string): string {
  return encodeURIComponent(text).replaceAll('%40', '@').replaceAll('%2B', '+')
}
