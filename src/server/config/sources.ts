import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { sentenceOf } from '../failure.ts'
import type { Option } from './option.ts'

/** Texts by environment variable. */
export type Texts = Readonly<Record<string, string | undefined>>

/** Where options may be given; earlier layers win. */
export type Layer = { readonly origin: string; readonly texts: Texts }

export type Given = { readonly text: string; readonly origin: string }

/** What the `.env` file of the folder says; nothing when there is none. Throws a sentence when it cannot be read. */
export function readEnvFile(folder: string): Texts {
  try {
    return parseEnv(readFileSync(join(folder, '.env'), 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
    throw new Error(`The file .env cannot be read: ${sentenceOf(error)}`, { cause: error })
  }
}

/**
 * The first layer's text for an option; undefined when nobody gave one. An empty text gives nothing, as in `PORT=`.
 * A secret is also read from the file that NAME_FILE names. Throws a sentence.
 */
export function findText(option: Option<unknown>, layers: readonly Layer[]): Given | undefined {
  for (const { origin, texts } of layers) {
    const text = texts[option.env] || undefined
    const file = option.secret && (texts[`${option.env}_FILE`] || undefined)
    if (text !== undefined && file !== undefined)
      throw new Error(`${option.env} and ${option.env}_FILE are both given (${origin}): give one of them.`)
    if (file !== undefined) return { text: readSecret(option, file), origin: `${origin}, ${option.env}_FILE` }
    if (text !== undefined) return { text, origin }
  }
  return undefined
}

function readSecret(option: Option<unknown>, file: string): string {
  try {
    const text = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
    if (text !== '') return text
  } catch (error) {
    throw new Error(`${option.env}_FILE cannot be read: ${sentenceOf(error)}`, { cause: error })
  }
  throw new Error(`${option.env}_FILE names "${file}", which is empty.`)
}
