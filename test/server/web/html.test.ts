import { expect, test } from 'vitest'
import { html, link, trusted } from '../../../src/server/web/html.ts'

test('text put into markup is escaped, in elements and in attributes', () => {
  const hostile = `"><script>alert('&')</script>`
  expect(`${html`<a title="${hostile}">${hostile}</a>`}`).toBe(
    '<a title="&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;">' +
      '&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;</a>',
  )
})

test('markup put into markup stays markup, also in lists', () => {
  expect(`${html`<ul>${['a', '<b>'].map((it) => html`<li>${it}</li>`)}</ul>${trusted('<hr>')}`}`).toBe(
    '<ul><li>a</li><li>&lt;b&gt;</li></ul><hr>',
  )
})

test('nothing is written for what is absent, but zero is', () => {
  expect(`${html`[${undefined}${null}${false}${[]}${0}]`}`).toBe('[0]')
})

test('an address leads somewhere or is none', () => {
  expect(link('https://example.test/a?b="c"')).toBe('https://example.test/a?b=%22c%22')
  expect(link('mailto:kim@example.test')).toBe('mailto:kim@example.test')
  for (const bad of ['javascript:alert(1)', 'data:text/html,x', ' JaVaScRiPt:1', '//elsewhere', '', 7, null])
    expect(link(bad)).toBeUndefined()
})
