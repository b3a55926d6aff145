import { BLOCK, type Header, headerIn } from './header.ts'
import { EXTENSION, RECORD_LIST, type Records, recordsIn } from './records.ts'

/** An entry of a tar as it stands in its header, with its content where that was asked for. */
export type TarEntry = {
  readonly name: string
  /** What its header calls it, where a record gives it another name. */
  readonly otherName: string | undefined
  readonly kind: 'file' | 'link' | 'symlink' | 'other'
  /** Where a link leads. */
  readonly target: string
  readonly content: Buffer | undefined
}

type Completed = Omit<Header, 'doubt'> & { readonly otherName?: string | undefined }

const NOTHING = Buffer.alloc(BLOCK)
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

/**
 * Reads a tar piece by piece and reports its entries, keeping no more than was asked for. It is as patient as the most patient package manager: what
 * is no header is passed over, and what stands behind the end is read too. `doubt` says where others may read something else.
 */
export class TarEntries {
  doubt: string | undefined
  /** Whether something stands behind its end. */
  goesOn = false
  readonly #wants: (name: string, size: number) => boolean
  readonly #report: (entry: TarEntry) => void
  /** Of a block, or of a content that is wanted, as far as it has come. */
  #kept: Buffer[] = []
  #keptSize = 0
  /** Whose content is being kept; undefined: it is a block. */
  #owner: Completed | undefined
  /** Bytes to be passed over. */
  #skip = 0
  #global: Records = {}
  #next: Records = {}
  /** What was said about the next entry. */
  readonly #said = new Set<string>()
  /** Blocks of zeros right before: two are the end. */
  #empty = 0

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

  /** To be called when there is no more. */
  end(): void {
    if (this.#skip > 0 || this.#keptSize > 0 || this.#owner) this.doubt ??= 'it is cut'
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
    if (block.equals(NOTHING)) return void this.#empty++
    if (this.#empty > 1) this.goesOn = true
    if (this.goesOn) this.doubt ??= 'something stands behind its end'
    this.#empty = 0
    const header = headerIn(block)
    this.doubt ??= header ? header.doubt : 'a header in it is damaged'
    if (header) this.#open(EXTENSION.test(header.type) ? header : this.#completed(header))
  }

  #open(header: Completed): void {
    const { name, type, size } = header
    const isExtension = EXTENSION.test(type)
    if (size > 0 && (isExtension ? size <= MAX_RECORDS : this.#wants(name, size))) {
      this.#owner = header
      return
    }
    this.#skip = size + paddingOf(size)
    if (isExtension) this.doubt ??= 'a name in it is too long or empty'
    else this.#end(header, size === 0 ? Buffer.alloc(0) : undefined)
  }

  #endContent(header: Completed, content: Buffer): void {
    this.#owner = undefined
    this.#skip = paddingOf(header.size)
    if (EXTENSION.test(header.type)) this.#remember(header.type, content)
    else this.#end(header, content)
  }

  #remember(type: string, content: Buffer): void {
    const { records, doubt } = recordsIn(type, content)
    this.doubt ??= doubt
    if (type === 'g') {
      if (records.path !== undefined || records.linkpath !== undefined || records.size !== undefined)
        this.doubt ??= 'it says one name or size for many files'
      this.#global = { ...this.#global, ...records }
      return
    }
    // Of two that speak about one entry, some readers take the first, some the last, and some a bit of both.
    for (const said of RECORD_LIST.test(type) ? ['list', ...Object.keys(records)] : Object.keys(records)) {
      if (this.#said.has(said)) this.doubt ??= 'it names one file twice'
      this.#said.add(said)
    }
    this.#next = { ...this.#next, ...records }
  }

  #end({ name, otherName, type, target }: Completed, content: Buffer | undefined): void {
    this.#next = {}
    this.#said.clear()
    const isFolder = name.endsWith('/') // as old packers wrote them
    const kind = isFolder ? 'other' : (KINDS[type] ?? 'other')
    this.#report({ name, otherName, target, content, kind })
  }

  /** With what the entries before it say about it. */
  #completed(header: Header): Completed {
    const { type, size } = header
    const said = { ...this.#global, ...this.#next }
    const { path = header.name, linkpath = header.target } = said
    if (said.size !== undefined && said.size !== String(size)) this.doubt ??= 'it says two sizes for one file'
    if (size > 0 && (KINDS[type] !== 'file' || path.endsWith('/') || header.name.endsWith('/')))
      this.doubt ??= 'a link, a folder or something unknown in it has content'
    if (path.includes('\\')) this.doubt ??= 'a name in it holds a backslash, which is a folder to some'
    return {
      name: path,
      otherName: path === header.name ? undefined : header.name,
      type,
      target: linkpath,
      size: WITHOUT_CONTENT.test(type) ? 0 : size,
    }
  }
}

function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK
}
