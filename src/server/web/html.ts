import { Local } from '../http/local.ts'

/** What may stand in a template: text is escaped, Html goes in as it is, nothing is written for what is absent. */
export type Part = Html | Local | string | number | false | null | undefined | readonly Part[]

/** Markup that is safe to send: made by `html`, or vouched for by `trusted`. It is text only once it is known below which path. */
export class Html {
  readonly #write: (base: string) => string

  constructor(write: (base: string) => string) {
    this.#write = write
  }

  /** The text, with every address of ours below `base`. */
  below(base: string): string {
    return this.#write(base)
  }
}

/**
 * Markup with everything escaped that is put into it, but for its own results. Attribute values must be written in quotes, which
 * the escaping covers too; an address in an attribute goes through `link` when somebody else chose it.
 */
export function html(markup: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html((base) => markup.reduce((text, piece, at) => text + written(parts[at - 1], base) + piece))
}

/** Markup from somewhere that escapes or sanitises by itself; each call says why it may be trusted. */
export function trusted(text: string): Html {
  return new Html(() => text)
}

/** An address to link to, if it is one that only leads somewhere: http, https or mail. */
export function link(address: unknown): string | undefined {
  if (typeof address !== 'string' || !URL.canParse(address)) return undefined
  const { protocol, href } = new URL(address)
  return ['http:', 'https:', 'mailto:'].includes(protocol) ? href : undefined
}

function written(part: Part, base: string): string {
  if (part === undefined || part === null || part === false) return ''
  if (part instanceof Html) return part.below(base)
  if (part instanceof Local) return escaped(part.below(base))
  if (typeof part === 'string') return escaped(part)
  if (typeof part === 'number') return String(part)
  return part.map((it) => written(it, base)).join('')
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => ESCAPES[sign] ?? sign)
}
