import type { Json, JsonObject } from './model.ts'

/** What npm's abbreviated packument ("corgi") keeps of a version; `bundledDependencies` goes by its other spelling. */
export const ABBREVIATED_FIELDS = [
  'name',
  'version',
  'deprecated',
  'dependencies',
  'optionalDependencies',
  'devDependencies',
  'bundleDependencies',
  'peerDependencies',
  'peerDependenciesMeta',
  'acceptDependencies',
  'bin',
  'directories',
  'dist',
  'engines',
  'os',
  'cpu',
  'libc',
  'funding',
  '_hasShrinkwrap',
  'hasInstallScript',
] as const

const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'] as const

/** Cuts a version's manifest to the abbreviated form, with `hasInstallScript` told from the scripts where it is not said. */
export function abbreviate(manifest: JsonObject): JsonObject {
  const short: JsonObject = {}
  for (const field of ABBREVIATED_FIELDS) {
    const value = field === 'bundleDependencies' ? bundled(manifest) : manifest[field]
    if (value !== undefined) short[field] = value
  }
  if (short.hasInstallScript === undefined && runsOnInstall(manifest.scripts)) short.hasInstallScript = true
  return short
}

function bundled(manifest: JsonObject): Json | undefined {
  return manifest.bundleDependencies ?? manifest.bundledDependencies
}

/** Whether these scripts run when a package is installed. */
export function runsOnInstall(scripts: Json | undefined): boolean {
  if (typeof scripts !== 'object' || scripts === null || Array.isArray(scripts)) return false
  return INSTALL_SCRIPTS.some((name) => typeof scripts[name] === 'string' && scripts[name] !== '')
}
