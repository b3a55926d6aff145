import { expect, test } from 'vitest'
import { www } from '../../../src/server/http/local.ts'
import { html, link, trusted } from '../../../src/server/web/html.ts'

test('text put into markup is escaped, in elements and in attributes', () => {
  const hostile = `"><script>alert('&')</script>`
  expect(html`<a title="${hostile}">${hostile}</a>`.below('')).toBe(
    '<a title="&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;">' +
      '&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;</a>',
  )
})

test('markup put into markup stays markup, also in lists', () => {
  expect(html`<ul>${['a', '<b>'].map((it) => html`<li>${it}</li>`)}</ul>${trusted('<hr>')}`.below('')).toBe(
    '<ul><li>a</li><li>&lt;b&gt;</li></ul><hr>',
  )
})

test('nothing is written for what is absent, but zero is', () => {
  expect(html`[${undefined}${null}${false}${[]}${0}]`.below('')).toBe('[0]')
})

test('an address of ours is written below the path that is known last, and escaped as text is', () => {
  const markup = html`${[html`<a href="${www('package', '@kim/a b').with({ q: '"', page: 2 })}">`]}`
  expect(markup.below('')).toBe('<a href="/www/package/@kim%2Fa%20b?q=%22&amp;page=2">')
  expect(markup.below('/registry')).toBe('<a href="/registry/www/package/@kim%2Fa%20b?q=%22&amp;page=2">')
})

test('an address leads somewhere or is none', () => {
  expect(link('https://example.test/a?b="c"')).toBe('https://example.test/a?b=%22c%22')
  expect(link('mailto:kim@example.test')).toBe('mailto:kim@example.test')
  for (const bad of ['javascript:alert(1)', 'data:text/html,x', ' JaVaScRiPt:1', '//elsewhere', '', 7, null])
    expect(link(bad)).toBeUndefined()
})
