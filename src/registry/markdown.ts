import { Marked } from 'marked'
import sanitizeHtml from 'sanitize-html'
import { seconds } from '../base/time.ts'
import { withinTime } from '../base/time-limit.ts'

const marked = new Marked({ gfm: true, async: false })

/** What survives of a README. */
export const README_POLICY: sanitizeHtml.IOptions = {
  allowedTags: [
    ...[
      'h1',
      'h2',
      'h3',
      'h4',
      'h5',
      'h6',
      'p',
      'br',
      'hr',
      'blockquote',
      'pre',
      'code',
      'kbd',
      'samp',
      'var',
    ],
    ...['ul', 'ol', 'li', 'dl', 'dt', 'dd', 'table', 'thead', 'tbody', 'tfoot', 'tr', 'th', 'td', 'caption'],
    ...[
      'a',
      'img',
      'em',
      'strong',
      'b',
      'i',
      's',
      'del',
      'ins',
      'sub',
      'sup',
      'small',
      'mark',
      'abbr',
      'cite',
      'q',
    ],
    ...['details', 'summary', 'div', 'span', 'figure', 'figcaption', 'picture', 'center', 'input'],
  ],
  allowedAttributes: {
    a: ['href', 'title', 'rel'],
    img: ['src', 'alt', 'title', 'width', 'height', 'align'],
    th: ['align', 'colspan', 'rowspan'],
    td: ['align', 'colspan', 'rowspan'],
    ol: ['start'],
    input: [{ name: 'type', values: ['checkbox'] }, 'checked', 'disabled'],
    '*': ['align'],
  },
  allowedClasses: { code: [/^language-[\w+-]+$/] },
  allowedSchemes: ['http', 'https', 'mailto'],
  allowedSchemesAppliedToAttributes: ['href', 'src'],
  allowProtocolRelative: false,
  transformTags: {
    a: (tagName, attribs) => ({ tagName, attribs: { ...attribs, rel: 'nofollow noopener noreferrer' } }),
    input: (tagName, attribs) => ({ tagName, attribs: { ...attribs, disabled: '' } }),
  },
}

/** Far more than a README takes that means well. */
const LONGEST = seconds(1)

/**
 * GitHub-flavoured Markdown as HTML that cannot script, frame, style or submit: only the elements listed here survive, and links
 * only to http, https and mail. What takes too long to render, or is nested too deep, is shown as it was written.
 */
export function renderMarkdown(markdown: string): string {
  // With `async: false` marked answers a string; its type allows for both.
  const rendered = withinTime(LONGEST, () => sanitizeHtml(marked.parse(markdown) as string, README_POLICY))
  return rendered ?? `<pre>${markdown.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</pre>`
}
