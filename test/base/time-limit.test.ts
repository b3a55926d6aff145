import { expect, test } from 'vitest'
import { withinTime } from '../../src/base/time-limit.ts'

test('what takes its time is cut off, what does not gives its result', () => {
  const forever = () => {
    for (;;);
  }
  expect(withinTime(10, forever)).toBeUndefined()
  expect(withinTime(10_000, () => 'done')).toBe('done')
})

test('what goes too deep is cut off too', () => {
  const deeper = (): number => 1 + deeper()
  expect(withinTime(10_000, deeper)).toBeUndefined()
})

test('what fails for another reason fails', () => {
  const fail = () => {
    throw new TypeError('no')
  }
  expect(() => withinTime(10_000, fail)).toThrow(TypeError)
})
