import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Gathered } from '../../../src/server/http/body.ts'

test('what is gathered is what came, in whatever pieces', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 50 })
  fc.assert(
    fc.property(pieces, (all) => {
      const gathered = new Gathered()
      for (const piece of all) gathered.add(piece)
      expect(gathered.bytes().equals(Buffer.concat(all))).toBe(true)
      expect(gathered.size).toBe(gathered.bytes().length)
    }),
  )
})

test('a million pieces take no more than twice the room of what they hold', () => {
  const gathered = new Gathered()
  const piece = Buffer.from('a')
  for (let n = 0; n < 1_000_000; n++) gathered.add(piece)
  expect(gathered.size).toBe(1_000_000)
  expect(gathered.bytes().buffer.byteLength).toBeLessThanOrEqual(2_000_000)
})
