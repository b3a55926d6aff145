const BLOCK = 512

/** A header, field by field: what no packer would write can be written here. Fields are cut at their length. */
export type RawHeader = {
  readonly name: string
  readonly type?: string
  /** Octal digits, or any bytes that stand in their place; default: the content's length. */
  readonly size?: string | Buffer
  readonly target?: string
  readonly prefix?: string
  /** `ustar`, NUL and `00` by default. */
  readonly magic?: string
  /** What stands where the sum should; default: the right one. */
  readonly sum?: string
  /** Bytes put over all others, at their places. */
  readonly over?: Readonly<Record<number, string>>
}

/** One entry: its header and its content, filled up with zeros. */
export function rawEntry(header: RawHeader, content: string | Buffer = ''): Buffer {
  const bytes = Buffer.from(content)
  const block = Buffer.alloc(BLOCK)
  const put = (text: string | Buffer, at: number, length: number) =>
    Buffer.from(text).copy(block, at, 0, length)
  put(header.name, 0, 100)
  put('0000644\0', 100, 8)
  put(header.size ?? bytes.length.toString(8).padStart(11, '0'), 124, 12)
  put('00000000000\0', 136, 12)
  put(header.type ?? '0', 156, 1)
  put(header.target ?? '', 157, 100)
  put(header.magic ?? 'ustar\x0000', 257, 8)
  put(header.prefix ?? '', 345, 155)
  for (const [at, text] of Object.entries(header.over ?? {})) put(text, Number(at), BLOCK)
  put('        ', 148, 8)
  const sum = block.reduce((all, byte) => all + byte, 0)
  put(header.sum ?? `${sum.toString(8).padStart(6, '0')}\0 `, 148, 8)
  return Buffer.concat([block, bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)])
}

/** `22 path=package/a.js` and a newline; the number counts itself too. */
export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  const length = Buffer.byteLength(rest)
  const digits = String(length + String(length).length).length
  return `${length + digits}${rest}`
}

export const END = Buffer.alloc(2 * BLOCK)
