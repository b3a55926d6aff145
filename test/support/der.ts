/** DER (X.690), as much of it as a certificate takes. */

/** A value: its tag, its length, and what is in it. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  const size = content.length.toString(16)
  const digits = Buffer.from(size.padStart(size.length + (size.length % 2), '0'), 'hex')
  const length = content.length < 0x80 ? digits : Buffer.concat([Buffer.of(0x80 | digits.length), digits])
  return Buffer.concat([Buffer.of(tag), length, content])
}

export const sequence = (...members: readonly Uint8Array[]) => der(0x30, ...members)
export const set = (...members: readonly Uint8Array[]) => der(0x31, ...members)
export const integer = (bytes: Uint8Array) => der(0x02, bytes)
export const octets = (bytes: Uint8Array) => der(0x04, bytes)
/** A string of whole bytes. */
export const bits = (bytes: Uint8Array) => der(0x03, Buffer.of(0), bytes)
export const TRUE = der(0x01, Buffer.of(0xff))
export const text = (value: string) => der(0x0c, Buffer.from(value))

/** UTCTime: good until 2049. */
export function time(moment: number): Buffer {
  const digits = new Date(moment).toISOString().replace(/\D/g, '')
  return der(0x17, Buffer.from(`${digits.slice(2, 14)}Z`))
}

/** `1.2.840.10045.4.3.2` */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(septets)]))
}

/** In base 128, each digit but the last marked as not the last. */
function septets(value: number): number[] {
  const digits = [value & 0x7f]
  for (let left = value >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80)
  return digits
}
