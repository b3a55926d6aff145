import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { Memo, remembering } from '../../src/base/memo.ts'

test('the last used are there, whatever came between, and never more than twice as many', () => {
  const numbers = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 200 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), numbers, (max, keys) => {
      const memo = new Memo<number, string>(max)
      for (const key of keys) if (memo.get(key) === undefined) memo.set(key, `value ${key}`)
      const lastUsed = [...new Set(keys.toReversed())].slice(0, max)
      for (const key of lastUsed) expect(memo.get(key)).toBe(`value ${key}`)
      const all = Array.from({ length: 31 }, (_, key) => key)
      expect(all.filter((key) => memo.get(key) !== undefined).length).toBeLessThanOrEqual(2 * max)
    }),
  )
})

test('what is set again is what is found, and nothing after all is forgotten', () => {
  const memo = new Memo<string, number>(2)
  for (const [key, value] of [
    ['a', 1],
    ['b', 2],
    ['a', 3],
  ] as const)
    memo.set(key, value)
  expect([memo.get('a'), memo.get('b')]).toEqual([3, 2])
  memo.clear()
  expect([memo.get('a'), memo.get('b')]).toEqual([undefined, undefined])
})

test('a text is read once, and none reads like an empty one', () => {
  const read = vi.fn((text: string) => text.length)
  const length = remembering(read)
  expect([length('four'), length('four'), length(undefined), length('')]).toEqual([4, 4, 0, 0])
  expect(read).toHaveBeenCalledTimes(2)
})
