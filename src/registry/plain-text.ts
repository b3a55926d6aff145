import { Lexer, type Token } from 'marked'

/**
 * The words of a line of Markdown, as descriptions often are: markup, pictures and HTML left out. The result is text, to be escaped as any
 * other.
 */
export function plainText(markdown: string): string {
  const line = markdown.replace(/\s+/g, ' ').replace(/^\s*#+ /, '')
  return words(Lexer.lexInline(line)).replace(/\s+/g, ' ').trim()
}

function words(tokens: readonly Token[]): string {
  return tokens.map(wordsOf).join('')
}

function wordsOf(token: Token): string {
  if (token.type === 'html' || token.type === 'image') return ''
  if ('tokens' in token && token.tokens) return words(token.tokens)
  return 'text' in token ? token.text : ''
}
