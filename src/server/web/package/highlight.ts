import type { LanguageFn } from 'highlight.js'
import { withinTime } from '../../../base/time-limit.ts'
import { type Html, html, trusted } from '../html.ts'

/** Each language is loaded when the first file in it is shown. */
const LANGUAGES: Readonly<Record<string, () => Promise<{ default: LanguageFn }>>> = {
  bash: () => import('highlight.js/lib/languages/bash'),
  css: () => import('highlight.js/lib/languages/css'),
  javascript: () => import('highlight.js/lib/languages/javascript'),
  json: () => import('highlight.js/lib/languages/json'),
  markdown: () => import('highlight.js/lib/languages/markdown'),
  typescript: () => import('highlight.js/lib/languages/typescript'),
  xml: () => import('highlight.js/lib/languages/xml'),
  yaml: () => import('highlight.js/lib/languages/yaml'),
}

const BY_ENDING: Readonly<Record<string, string>> = {
  ...{ js: 'javascript', cjs: 'javascript', mjs: 'javascript', jsx: 'javascript' },
  ...{ ts: 'typescript', cts: 'typescript', mts: 'typescript', tsx: 'typescript' },
  ...{ json: 'json', map: 'json', css: 'css', html: 'xml', htm: 'xml', svg: 'xml', xml: 'xml', vue: 'xml' },
  ...{ md: 'markdown', markdown: 'markdown', yml: 'yaml', yaml: 'yaml', sh: 'bash', bash: 'bash' },
}

/** Characters that are coloured; longer texts are shown plain, since colouring takes its time. */
const MOST = 128 * 1024
const LONGEST = 300

/** A source's lines as elements with ids `L1`, `L2`…, coloured where its language is known by its name. */
export async function highlighted(path: string, text: string): Promise<Html> {
  const language = BY_ENDING[path.slice(path.lastIndexOf('.') + 1).toLowerCase()]
  const load = text.length <= MOST && language !== undefined ? LANGUAGES[language] : undefined
  if (!load || language === undefined) return lines(html`${text}`.below(''))
  const { default: highlighter } = await import('highlight.js/lib/core')
  if (!highlighter.getLanguage(language)) highlighter.registerLanguage(language, (await load()).default)
  const marked = withinTime(
    LONGEST,
    () => highlighter.highlight(text, { language, ignoreIllegals: true }).value,
  )
  return lines(marked ?? html`${text}`.below(''))
}

/** Cuts marked-up text (escaped, with nothing but `<span class>` in it) at its line ends; a `<span>` that goes on over one is closed before it and opened again after it. */
function lines(marked: string): Html {
  const open: string[] = []
  const cut = marked
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => {
      const before = open.join('')
      for (const [tag] of line.matchAll(/<span[^>]*>|<\/span>/g))
        tag === '</span>' ? open.pop() : open.push(tag)
      return `${before}${line}${'</span>'.repeat(open.length)}`
    })
  return html`${cut.map((line, at) => html`<span class="l" id="L${at + 1}">${trusted(line)}\n</span>`)}`
}
