import { isUtf8 } from 'node:buffer'
import { textIn } from './header.ts'

/** What stands in an entry of its own, before the one it is about. */
export type Records = { readonly path?: string; readonly linkpath?: string; readonly size?: string }
/** `doubt`: why others may read something else. */
export type ReadRecords = { readonly records: Records; readonly doubt: string | undefined }

/** Records for the next entry (`x`), for all that follow (`g`), and the long names of GNU (`L`) and their targets (`K`); `X` and `N` are old. */
export const EXTENSION = /^[xgXLKN]$/
export const RECORD_LIST = /^[xgX]$/
/** Other places for a path and a size. */
const SPARSE = /^(?:GNU\.sparse|SCHILY\.realsize)/

/** What an entry of such a type holds. */
export function recordsIn(type: string, content: Buffer): ReadRecords {
  const { records, doubt } = RECORD_LIST.test(type) ? listed(content) : longName(type, content)
  const old = /[XN]/.test(type) ? 'a name in it is of an old kind that few read' : undefined
  return { records, doubt: doubt ?? old }
}

function longName(type: string, content: Buffer): ReadRecords {
  const name = textIn(content)
  const rest = content.subarray(Buffer.byteLength(name))
  const isPlain = isUtf8(content) && name !== '' && !name.includes('\n') && rest.every((byte) => byte === 0)
  const doubt = isPlain ? undefined : 'a long name in it is malformed'
  return { records: type === 'K' ? { linkpath: name } : { path: name }, doubt }
}

/**
 * `22 path=package/a.js` and a newline, one after the other; the number counts the bytes of it all. Some readers go from line to line, some by
 * the numbers: they agree where each record is one line, and no key comes twice.
 */
function listed(content: Buffer): ReadRecords {
  const records = new Map<string, string>()
  const doubted = (doubt: string | undefined) => ({ records: Object.fromEntries(records), doubt })
  if (!isUtf8(content)) return doubted('a record in it is no text')
  for (let at = 0; at < content.length; ) {
    const [, digits] = /^([1-9]\d{0,7}) /.exec(content.toString('latin1', at, at + 9)) ?? []
    const end = at + Number(digits ?? 0)
    const [, key, value] = /^\d+ ([^=\n\0]+)=([^\n\0]+)\n$/.exec(content.toString('utf8', at, end)) ?? []
    if (key === undefined || value === undefined || end > content.length)
      return doubted('a record in it is malformed')
    if (records.has(key) || SPARSE.test(key)) return doubted('a record in it says another name or size')
    records.set(key, value)
    at = end
  }
  return doubted(undefined)
}
