import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonMembers } from '../../../src/registry/mirror/json-members.ts'

function members(text: string): [string, unknown][] {
  const bytes = Buffer.from(text)
  return [...jsonMembers(bytes, { start: 0, end: bytes.length })].map(([name, { start, end }]) => [
    name,
    JSON.parse(bytes.toString('utf8', start, end)),
  ])
}

test('the members of any object are found, however it is spaced', () => {
  const spacing = fc.constantFrom(undefined, 1, '\t', '\r\n ')
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), spacing, (object, space) => {
      const text = JSON.stringify(object, undefined, space)
      expect(members(text)).toEqual(Object.entries(JSON.parse(text)))
    }),
  )
})

test('quotes, backslashes and braces inside texts are no structure', () => {
  const object = { 'a"}': '\\', b: '{"', 'ü\n': ['}', { c: '\\"]' }], '': '😀' }
  expect(members(JSON.stringify(object))).toEqual(Object.entries(object))
})

test('members with one name are all found, in order', () => {
  expect(members('{"a":1,"a":2}')).toEqual([
    ['a', 1],
    ['a', 2],
  ])
})

test.each([
  ['nothing', ''],
  ['an array', '[1]'],
  ['a page', '<!doctype html>'],
  ['a cut object', '{"a":1,'],
  ['a cut text', '{"a":"b'],
  ['a cut value', '{"a":{"b":1}'],
  ['a missing value', '{"a":}'],
  ['a missing colon', '{"a" 1}'],
  ['a comma at the end', '{"a":1,}'],
  ['something behind the end', '{"a":1}{'],
  ['brackets that do not match', '{"a":[1}]}'],
  ['an endless nest', `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
])('%s is refused', (_, text) => {
  expect(() => members(text)).toThrow(SyntaxError)
})

test('any text is either read as JSON.parse reads it, or refused', () => {
  const texts = fc.stringMatching(/^[{}[\]":,\\a1 ]{0,12}$/)
  fc.assert(
    fc.property(texts, (text) => {
      let found: [string, unknown][] | undefined
      try {
        found = members(text)
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError)
      }
      if (found) expect(Object.fromEntries(found)).toEqual(JSON.parse(text))
    }),
  )
})
