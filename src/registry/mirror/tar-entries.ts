/** An entry of a tar as it stands in its header, with its content where that was asked for. */
export type TarEntry = {
  readonly name: string
  readonly kind: 'file' | 'link' | 'symlink' | 'other'
  /** Where a link leads. */
  readonly target: string
  readonly content: Buffer | undefined
}

type Header = {
  readonly name: string
  readonly type: string
  readonly size: number
  readonly target: string
}
/** What stands in an entry of its own, before the one it is about. */
type Records = { readonly path?: string; readonly linkpath?: string; readonly size?: string }

const BLOCK = 512
const MAX_RECORDS = 2 ** 20
const KINDS: Readonly<Record<string, TarEntry['kind']>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'link',
  '2': 'symlink',
  '7': 'file',
}
/** Links, devices and folders. */
const WITHOUT_CONTENT = /^[1-6]$/
/** Records for the next entry (`x`), for all that follow (`g`), and the long names of GNU (`L`) and their targets (`K`). */
const EXTENSION = /^[xgLK]$/

/**
 * Reads a tar piece by piece and reports its entries, keeping no more than was asked for. It is as patient as the most patient package manager: what
 * is no header is passed over, and what stands behind the end is read too. `doubt` says where others may read something else.
 */
export class TarEntries {
  doubt: string | undefined
  readonly #wants: (name: string, size: number) => boolean
  readonly #report: (entry: TarEntry) => void
  /** Of a block, or of a content that is wanted, as far as it has come. */
  #kept: Buffer[] = []
  #keptSize = 0
  /** Whose content is being kept; undefined: it is a block. */
  #owner: Header | undefined
  /** Bytes to be passed over. */
  #skip = 0
  #global: Records = {}
  #next: Records = {}

  /** @param wants whether the content of a file is to be reported */
  constructor(wants: (name: string, size: number) => boolean, report: (entry: TarEntry) => void) {
    this.#wants = wants
    this.#report = report
  }

  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      const passed = Math.min(this.#skip, chunk.length - at)
      this.#skip -= passed
      at += passed
      if (at < chunk.length) at += this.#keep(chunk.subarray(at))
    }
  }

  /** Takes what is missing of a block or a content, and reads it once it is whole. Gives how many bytes it took. */
  #keep(bytes: Buffer): number {
    const wanted = this.#owner ? this.#owner.size : BLOCK
    const part = bytes.subarray(0, wanted - this.#keptSize)
    this.#kept.push(part)
    this.#keptSize += part.length
    if (this.#keptSize < wanted) return part.length
    const whole = this.#kept.length === 1 ? part : Buffer.concat(this.#kept)
    this.#kept = []
    this.#keptSize = 0
    if (this.#owner) this.#endContent(this.#owner, whole)
    else this.#begin(whole)
    return part.length
  }

  #begin(block: Buffer): void {
    if (block[0] === 0) return // the end, where there are more of them
    const header = this.#completed(headerIn(block))
    if (!header) return
    const { name, type, size } = header
    const isExtension = EXTENSION.test(type)
    if (size > 0 && (isExtension ? size <= MAX_RECORDS : this.#wants(name, size))) {
      this.#owner = header
      return
    }
    this.#skip = size + paddingOf(size)
    if (isExtension) this.doubt ??= 'a name in it is too long'
    else this.#end(header, size === 0 ? Buffer.alloc(0) : undefined)
  }

  #endContent(header: Header, content: Buffer): void {
    this.#owner = undefined
    this.#skip = paddingOf(header.size)
    if (!EXTENSION.test(header.type)) this.#end(header, content)
    else if (header.type === 'g') this.#global = this.#globalRecords(content)
    else this.#next = { ...this.#next, ...nextRecords(header.type, content) }
  }

  #end({ name, type, target }: Header, content: Buffer | undefined): void {
    this.#next = {}
    this.#report({ name, target, content, kind: KINDS[type] ?? 'other' })
  }

  #globalRecords(content: Buffer): Records {
    const records = recordsIn(content)
    if (records.path !== undefined || records.size !== undefined)
      this.doubt ??= 'it says one name or size for many files'
    return { ...this.#global, ...records }
  }

  /** With what the entries before it say about it. */
  #completed(header: Header | undefined): Header | undefined {
    if (!header) this.doubt ??= 'a header in it is damaged'
    if (!header || EXTENSION.test(header.type)) return header
    const { path = header.name, linkpath = header.target, size } = { ...this.#global, ...this.#next }
    if (size !== undefined && Number(size) !== header.size) this.doubt ??= 'it says two sizes for one file'
    if (WITHOUT_CONTENT.test(header.type) && header.size > 0)
      this.doubt ??= 'a link or folder in it has content'
    const isEmpty = WITHOUT_CONTENT.test(header.type)
    return { ...header, name: path, target: linkpath, size: isEmpty ? 0 : header.size }
  }
}

/** undefined where the block has another sum than it says. */
function headerIn(block: Buffer): Header | undefined {
  if (Number.parseInt(textIn(block.subarray(148, 156)), 8) !== sumOf(block)) return undefined
  const name = textIn(block.subarray(0, 100))
  const isUstar = block.toString('latin1', 257, 263) === 'ustar\0'
  const prefix = isUstar ? textIn(block.subarray(345, 500)) : ''
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    type: String.fromCharCode(block[156] ?? 0),
    size: sizeIn(block.subarray(124, 136)),
    target: textIn(block.subarray(157, 257)),
  }
}

/** The sum of a header's bytes, with spaces in the place of the sum. */
function sumOf(block: Buffer): number {
  let sum = 8 * 0x20
  for (let at = 0; at < BLOCK; at++) if (at < 148 || at >= 156) sum += block[at] ?? 0
  return sum
}

/** Octal digits or, where the first bit is set, a binary number. */
function sizeIn(field: Buffer): number {
  if ((field[0] ?? 0) < 0x80) return Number.parseInt(textIn(field), 8) || 0
  return field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0)
}

function textIn(field: Buffer): string {
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? field.length : end)
}

function nextRecords(type: string, content: Buffer): Records {
  if (type === 'L') return { path: textIn(content) }
  return type === 'K' ? { linkpath: textIn(content) } : recordsIn(content)
}

/** `22 path=package/a.js` and a newline, one after the other; the number counts the bytes of it all. */
function recordsIn(content: Buffer): Records {
  const records: Record<string, string> = {}
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(0x20, at)
    const length = space < 0 ? 0 : Number(content.toString('latin1', at, space))
    if (!Number.isInteger(length) || length < 1) break
    const record = content.toString('utf8', space + 1, at + length - 1)
    const equals = record.indexOf('=')
    records[record.slice(0, equals)] = record.slice(equals + 1)
    at += length
  }
  return records
}

function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK
}
