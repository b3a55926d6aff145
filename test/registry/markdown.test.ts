import { expect, test } from 'vitest'
import { renderMarkdown } from '../../src/registry/markdown.ts'

test.each([
  ['emphasis that never ends', '**a_'],
  ['quotes in quotes', '> '],
  ['lists in lists', '1. '],
])('a README made to stop the registry is shown as it was written: %s', (_, piece) => {
  const readme = `${piece.repeat(20_000)}<b>&`
  expect(renderMarkdown(readme)).toBe(`<pre>${piece.repeat(20_000)}&lt;b>&amp;</pre>`)
})
