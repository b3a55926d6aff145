import { structuredPatch } from 'diff'
import type { FileEntry, FileTree, JsonObject } from './model.ts'
import { DEPENDENCY_FIELDS } from './model.ts'
import { asObject } from './upstream-document.ts'

/** A file that differs between two versions; without `before` it is new, without `after` it is gone. */
export type FileChange = {
  readonly path: string
  readonly before: FileEntry | undefined
  readonly after: FileEntry | undefined
}

/** Something that was said before or is said now, differently. */
export type Said = {
  readonly name: string
  readonly before: string | undefined
  readonly after: string | undefined
}

/** What deserves a look before anything else: what runs when the package is installed, and what it brings along. */
export type CallOuts = { readonly scripts: readonly Said[]; readonly dependencies: readonly Said[] }

/** `lines` begin with a space, `+`, `-` or a backslash (a remark). */
export type Hunk = { readonly oldStart: number; readonly newStart: number; readonly lines: readonly string[] }

/** npm runs these when somebody installs the package. */
export const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'] as const
/** npm builds a package that holds this with node-gyp, as if an install script said so. */
const GYP = 'binding.gyp'

const CONTEXT_LINES = 3
/** Texts more different than this are quicker read whole. */
const MAX_EDITS = 4000
const MAX_MILLIS = 500

/** By path. */
export function changedFiles(before: FileTree, after: FileTree): FileChange[] {
  const old = new Map(before.map((file) => [file.path, file]))
  const now = new Map(after.map((file) => [file.path, file]))
  const paths = [...new Set([...old.keys(), ...now.keys()])].sort()
  return paths
    .map((path) => ({ path, before: old.get(path), after: now.get(path) }))
    .filter((it) => it.before?.digest !== it.after?.digest || it.before?.executable !== it.after?.executable)
}

/** What two versions' package.json say differently, and a `binding.gyp` that came or went. */
export function callOuts(
  before: { manifest: JsonObject; files: FileTree },
  after: { manifest: JsonObject; files: FileTree },
): CallOuts {
  return {
    scripts: differing(
      installScripts(before.manifest, before.files),
      installScripts(after.manifest, after.files),
    ),
    dependencies: differing(dependencies(before.manifest), dependencies(after.manifest)),
  }
}

/** What runs when somebody installs a package, by the script's name. */
export function installScripts(manifest: JsonObject, files: FileTree = []): Map<string, string> {
  const scripts = asObject(manifest.scripts) ?? {}
  const found = INSTALL_SCRIPTS.flatMap((name): [string, string][] => {
    const script = scripts[name]
    return typeof script === 'string' ? [[name, script]] : []
  })
  const gyps = files.some(({ path }) => path === GYP) && !found.some(([name]) => name === 'install')
  return new Map(gyps ? [...found, [GYP, 'node-gyp rebuild']] : found)
}

/** The lines that differ, with some around them; undefined: too much differs, or finding out takes too long. */
export function diffTexts(before: string, after: string): readonly Hunk[] | undefined {
  const options = { context: CONTEXT_LINES, maxEditLength: MAX_EDITS, timeout: MAX_MILLIS }
  return structuredPatch('', '', before, after, undefined, undefined, options)?.hunks
}

/** Development dependencies are not installed with a package. */
function dependencies(manifest: JsonObject): Map<string, string> {
  const fields = DEPENDENCY_FIELDS.filter((field) => field !== 'devDependencies')
  const all = fields.flatMap((field) => Object.entries(asObject(manifest[field]) ?? {}))
  return new Map(all.map(([name, range]) => [name, String(range)]))
}

function differing(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Said[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((name) => ({ name, before: before.get(name), after: after.get(name) }))
    .filter((it) => it.before !== it.after)
}
