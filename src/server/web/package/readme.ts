import sanitizeHtml from 'sanitize-html'
import { README_POLICY } from '../../../registry/markdown.ts'
import { type Html, link, trusted } from '../html.ts'
import { filePath, versionPath } from '../paths.ts'

/** Ours, on top of what READMEs may have. */
const ATTRIBUTES = merged({ pre: ['tabindex'], input: ['aria-label'], img: ['loading'] })

type Place = {
  readonly npmName: string
  readonly version: string
  /** Path of the public address. */
  readonly base: string
}

/**
 * A README's stored HTML, sanitised once more and fitted into our page: headings go below ours, links and pictures within the package
 * lead to its files, and pictures from elsewhere become links, so that nobody learns who reads what.
 */
export function fitReadme(stored: string, place: Place): Html {
  const fitted = sanitizeHtml(stored, {
    ...README_POLICY,
    allowedAttributes: ATTRIBUTES,
    allowedClasses: { ...README_POLICY.allowedClasses, a: ['image-elsewhere'] },
    transformTags: {
      ...Object.fromEntries([1, 2, 3, 4, 5].map((level) => [`h${level}`, `h${level + 1}`])),
      pre: (tagName, attribs) => ({ tagName, attribs: { ...attribs, tabindex: '0' } }),
      input: (tagName, attribs) => ({ tagName, attribs: { ...attribs, 'aria-label': 'done' } }),
      a: (tagName, attribs) => ({ tagName, attribs: { ...attribs, ...target(attribs.href, place) } }),
      img: (tagName, attribs) => picture(tagName, attribs, place),
    },
  })
  // The sanitiser's own output.
  return trusted(fitted)
}

function merged(more: Readonly<Record<string, string[]>>): Record<string, sanitizeHtml.AllowedAttribute[]> {
  const all = { ...(README_POLICY.allowedAttributes || {}) }
  for (const [tag, names] of Object.entries(more)) all[tag] = [...(all[tag] ?? []), ...names]
  return all
}

function target(href: string | undefined, place: Place): { href?: string } {
  if (href === undefined || href.startsWith('#') || link(href)) return {}
  const file = inside(href)
  if (file === undefined) return { href: '#main' }
  return { href: filePath(place.npmName, place.version, file).below(place.base) }
}

function picture(tagName: string, attribs: sanitizeHtml.Attributes, place: Place): sanitizeHtml.Tag {
  const { src = '', alt = '' } = attribs
  const elsewhere = link(src)
  const text = alt || 'picture'
  if (elsewhere) {
    const rel = 'nofollow noopener noreferrer'
    return { tagName: 'a', attribs: { href: elsewhere, rel, class: 'image-elsewhere' }, text }
  }
  const file = inside(src)
  if (file === undefined) return { tagName: 'span', attribs: {}, text: alt }
  const raw = versionPath(place.npmName, place.version, 'raw', ...file.split('/'))
  return { tagName, attribs: { ...attribs, src: raw.below(place.base), alt, loading: 'lazy' } }
}

/** The file of the package a relative address means; undefined when it leads out of it. */
function inside(address: string): string | undefined {
  const root = 'http://package.invalid/'
  if (address.startsWith('/') || !URL.canParse(address, root)) return undefined
  const url = new URL(address, root)
  if (url.origin !== new URL(root).origin) return undefined
  try {
    return decodeURIComponent(url.pathname.slice(1)) || undefined
  } catch {
    return undefined
  }
}
