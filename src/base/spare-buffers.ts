/** Bytes of a buffer: few trips to the thread pool for a large file, and still little per transfer. */
export const SPARE_SIZE = 256 * 1024
/** Buffers that wait for the next transfer; as many bytes as ever stay taken for it. */
const MOST_SPARE = 16
const spare: Buffer[] = []

/** A buffer of SPARE_SIZE bytes, perhaps used before: making new ones costs as much as filling them, and sets the garbage collector off. */
export function takeBuffer(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(SPARE_SIZE)
}

/** For the next transfer. Nobody may read or fill it any more. */
export function giveBack(buffer: Buffer): void {
  if (spare.length < MOST_SPARE) spare.push(buffer)
}
