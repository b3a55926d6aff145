import { buffer } from 'node:stream/consumers'
import type { Digest } from '../base/digest.ts'
import type { Contents } from './contents.ts'
import type { FileTree, JsonObject } from './model.ts'
import { asObject } from './upstream-document.ts'

/** As far into a file as git looks for the byte that no text has. */
const SNIFFED = 8000

/** Why a file is not shown as text. */
export type NoText = 'binary' | 'too large'

/** A stored file as text, when it is one and has no more than `limit` bytes. */
export async function readText(
  contents: Contents,
  file: { readonly digest: Digest; readonly size: number },
  limit: number,
): Promise<{ readonly text: string } | { readonly why: NoText }> {
  if (file.size > limit) return { why: 'too large' }
  const bytes = await buffer(await contents.open(file.digest))
  return bytes.subarray(0, SNIFFED).includes(0) ? { why: 'binary' } : { text: bytes.toString() }
}

const MAX_PACKAGE_JSON = 1024 * 1024

/** What a version's own package.json says, which is what runs when it is installed; {} when it has none that can be read. */
export async function packageJsonOf(contents: Contents, files: FileTree): Promise<JsonObject> {
  const file = files.find(({ path }) => path === 'package.json')
  const read = file && (await readText(contents, file, MAX_PACKAGE_JSON))
  if (!read || !('text' in read)) return {}
  try {
    return asObject(JSON.parse(read.text)) ?? {}
  } catch {
    return {} // mirrored tarballs hold all sorts of things
  }
}

/** A README as npm looks for it: in the root, Markdown before anything else. */
export function readmeIn(files: FileTree): FileTree[number] | undefined {
  const all = files.filter(({ path }) => /^readme(?:\.(?:md|markdown|txt))?$/i.test(path))
  return all.find(({ path }) => /\.(?:md|markdown)$/i.test(path)) ?? all[0]
}
