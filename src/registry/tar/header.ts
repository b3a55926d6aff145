/** What a header block says. */
export type Header = {
  readonly name: string
  readonly type: string
  /** Bytes. */
  readonly size: number
  readonly target: string
  /** Why others may read it in another way. */
  readonly doubt: string | undefined
}

export const BLOCK = 512

const LINK = /^[12]$/
const OCTAL = /^ *[0-7]+(?:[ \0]|$)/
const NOTHING = /^[ \0]*$/
/** A sum of eight digits runs into the type for who reads further than the field. */
const ENDED_OCTAL = /^ *[0-7]+[ \0]/

/** undefined where the block has another sum than it says. */
export function headerIn(block: Buffer): Header | undefined {
  if (Number.parseInt(textIn(block.subarray(148, 156)), 8) !== sumOf(block)) return undefined
  const name = textIn(block.subarray(0, 100))
  const isUstar = block.toString('latin1', 257, 263) === 'ustar\0'
  const prefix = isUstar ? textIn(block.subarray(345, 500)) : ''
  const header = {
    name: prefix === '' ? name : `${prefix}/${name}`,
    type: String.fromCharCode(block[156] ?? 0),
    size: sizeIn(block.subarray(124, 136)),
    target: textIn(block.subarray(157, 257)),
  }
  return { ...header, doubt: doubtAbout(block, header) }
}

/** Up to the first NUL. */
export function textIn(field: Buffer): string {
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? field.length : end)
}

/** The sum of a header's bytes, with spaces in the place of the sum. */
function sumOf(block: Buffer): number {
  let sum = 8 * 0x20
  for (let at = 0; at < BLOCK; at++) if (at < 148 || at >= 156) sum += block[at] ?? 0
  return sum
}

/** Octal digits; what else there is, is doubted. */
function sizeIn(field: Buffer): number {
  return Math.max(0, Number.parseInt(textIn(field), 8) || 0)
}

/** Some readers pass over a header that has a target and is no link, or that has no name, and take its content for headers. */
function doubtAbout(block: Buffer, { type, target }: Omit<Header, 'doubt'>): string | undefined {
  const field = (start: number, end: number) => block.toString('latin1', start, end)
  const size = field(124, 136)
  if (block[0] === 0) return 'a file in it has no name'
  if (LINK.test(type) !== (target !== '')) return 'a file in it is half a link'
  if (!OCTAL.test(size) && !NOTHING.test(size)) return 'a size in it is no plain number'
  if (!ENDED_OCTAL.test(field(148, 156))) return 'a sum in it is no plain number'
  // Where NUL ends a text, some readers go on at the next line.
  if ([field(0, 100), field(157, 257), field(345, 500)].some((text) => text.includes('\n')))
    return 'a name in it has several lines'
  // Some take the prefix of this version alone, and take it for there by a byte in its midst.
  const version = field(257, 265)
  const [prefix, midst] = [block[345], block[475]]
  if (version === 'ustar\x0000' ? prefix === 0 && midst !== 0 : version.startsWith('ustar\0') && prefix !== 0)
    return 'a name in it is in two parts of an odd kind'
}
