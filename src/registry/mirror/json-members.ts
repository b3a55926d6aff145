/** Where a value lies in a JSON text: from `start` up to, not including, `end`. */
export type Slice = { readonly start: number; readonly end: number }

/** Deeper than any honest document; JSON.stringify would run out of stack on what JSON.parse still takes. */
const MAX_DEPTH = 200

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

/**
 * The members of the JSON object in `bytes` (UTF-8) at `within`, one after the other, without parsing their values: a large document
 * is looked through without being built in memory. Of members with the same name JSON takes the last. Throws SyntaxError
 * where the text is no object, ends early or nests too deep; what is inside a value is checked by whoever parses it.
 */
export function* jsonMembers(bytes: Buffer, within: Slice): Generator<[name: string, value: Slice]> {
  const { end } = within
  let at = expectByte(bytes, skipSpace(bytes, within.start, end), OPEN_BRACE)
  at = skipSpace(bytes, at, end)
  if (bytes[at] === CLOSE_BRACE) return endOfText(bytes, at + 1, end)
  while (true) {
    const nameStart = skipSpace(bytes, at, end)
    const nameEnd = skipString(bytes, expectByte(bytes, nameStart, QUOTE), end)
    const start = skipSpace(bytes, expectByte(bytes, skipSpace(bytes, nameEnd, end), COLON), end)
    at = skipValue(bytes, start, end)
    yield [JSON.parse(bytes.toString('utf8', nameStart, nameEnd)), { start, end: at }]
    at = skipSpace(bytes, at, end)
    if (bytes[at] === CLOSE_BRACE) return endOfText(bytes, at + 1, end)
    at = expectByte(bytes, at, COMMA)
  }
}

/** Whether the value that lies there is an object. */
export function isObject(bytes: Buffer, value: Slice): boolean {
  return bytes[value.start] === OPEN_BRACE
}

function skipSpace(bytes: Buffer, from: number, end: number): number {
  let at = from
  while (at < end && isSpace(bytes[at])) at++
  if (at >= end) throw new SyntaxError('The JSON text ends early')
  return at
}

/** The place after a value that begins at `from`. */
function skipValue(bytes: Buffer, from: number, end: number): number {
  const first = bytes[from]
  if (first === QUOTE) return skipString(bytes, from + 1, end)
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return skipPlain(bytes, from, end)
  let depth = 0
  for (let at = from; at < end; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) at = skipString(bytes, at + 1, end) - 1
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++
    else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) return at + 1
    if (depth > MAX_DEPTH) throw new SyntaxError('The JSON text nests too deep')
  }
  throw new SyntaxError('The JSON text ends early')
}

/** The place after a string whose first character is at `from`. */
function skipString(bytes: Buffer, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) return at + 1
    if (byte === BACKSLASH) at++
  }
  throw new SyntaxError('The JSON text ends early')
}

/** The place after a number, true, false or null. */
function skipPlain(bytes: Buffer, from: number, end: number): number {
  let at = from
  while (at < end && bytes[at] !== COMMA && bytes[at] !== CLOSE_BRACE && !isSpace(bytes[at])) at++
  return at
}

function expectByte(bytes: Buffer, at: number, wanted: number): number {
  if (bytes[at] === wanted) return at + 1
  throw new SyntaxError(`The JSON text needs "${String.fromCharCode(wanted)}" at byte ${at}`)
}

function endOfText(bytes: Buffer, from: number, end: number): void {
  for (let at = from; at < end; at++)
    if (!isSpace(bytes[at])) throw new SyntaxError(`The JSON text goes on after its end, at byte ${at}`)
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}
