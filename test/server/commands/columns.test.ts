import { expect, test } from 'vitest'
import { plain } from '../../../src/server/commands/columns.ts'

test('what people wrote can neither steer the terminal nor turn the order of its letters', () => {
  for (const sign of ['\n', '\r', '\x07', '\x9b', '\x7f', '\u202a', '\u202e', '\u2066', '\u2069'])
    expect(plain(`a${sign} b`), JSON.stringify(sign)).toMatch(/^a ?[ b]+$/)
  expect(plain('\x1b[31mred\x1b[0m')).toBe('red')
  expect(plain('@kim/straße@1.0.0')).toBe('@kim/straße@1.0.0')
})
