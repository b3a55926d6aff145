import type { Json, JsonObject } from './model.ts'

/** A word with its weight. */
export type Terms = ReadonlyMap<string, number>

const WEIGHTS = { name: 1000, bare: 500, part: 20, prefix: 10, keyword: 8, description: 1 }
/** Of the words of a name, and of those of keywords and description. */
const SHORTEST = { name: 1, text: 3 }
const LONGEST_TERM = 100
const MAX_TERMS = 500
const QUALIFIERS = new Set(['keywords', 'author', 'scope', 'maintainer'])
/** Taken from npm's users without effect: they speak of what is not known here. */
const PASSED_OVER = new Set(['not', 'is', 'boost-exact'])

/** Everything a package is found by, told from its name and the root of its packument. */
export function termsOf(npmName: string, root: JsonObject): Terms {
  const terms = new Map<string, number>()
  const add = (text: string, weight: number) => {
    const term = storable(text.toLowerCase()).slice(0, LONGEST_TERM)
    if (term !== '' && (terms.size < MAX_TERMS || terms.has(term)))
      terms.set(term, Math.max(weight, terms.get(term) ?? 0))
  }
  const slash = npmName.indexOf('/')
  const bare = npmName.slice(slash + 1)
  add(npmName, WEIGHTS.name)
  add(bare, WEIGHTS.bare)
  if (slash > 0)
    for (const scope of [npmName.slice(0, slash), `scope:${npmName.slice(1, slash)}`])
      add(scope, WEIGHTS.part)
  for (const word of new Set([bare, ...partsOf(npmName)])) {
    add(word, WEIGHTS.part)
    for (const prefix of prefixesOf(word, SHORTEST.name)) add(prefix, WEIGHTS.prefix)
  }
  for (const keyword of keywordsOf(root)) {
    add(`keywords:${keyword}`, WEIGHTS.keyword)
    for (const word of [keyword, ...wordsOf(keyword)]) {
      add(word, WEIGHTS.keyword)
      for (const prefix of prefixesOf(word, SHORTEST.text)) add(prefix, WEIGHTS.description)
    }
  }
  for (const name of namesOf(root.author)) add(`author:${name}`, WEIGHTS.keyword)
  for (const name of namesOf(root.maintainers)) add(`maintainer:${name}`, WEIGHTS.keyword)
  const words = wordsOf(textIn(root.description) ?? '')
  for (const word of words) add(word, 2 * WEIGHTS.description)
  for (const word of words)
    for (const prefix of prefixesOf(word, SHORTEST.text)) add(prefix, WEIGHTS.description)
  return terms
}

/** The terms that must all be there: words, and npm's qualifiers with each of their values. */
export function termsAsked(text: string): string[] {
  const terms = wordsAsked(text).flatMap(termsOfWord)
  return [...new Set(terms.map((term) => term.slice(0, LONGEST_TERM)))]
}

/** A word of a search, with the qualifier of npm's that stands in front of it, or ''. */
export type Word = { readonly qualifier: string; readonly value: string }

/**
 * What is asked for, in lower case. Quotes hold a qualifier's value together, and words without one apart as spaces do; a `*` at the end
 * of a word says nothing, since its beginning finds a word anyway.
 */
export function wordsAsked(text: string): Word[] {
  const pieces = storable(text.toLowerCase()).match(/(?:"[^"]*"|[^\s"])+/g) ?? []
  return pieces.flatMap(wordsOfPiece).filter(({ value }) => value !== '')
}

export function keywordsOf({ keywords }: JsonObject): string[] {
  return Array.isArray(keywords) ? keywords.filter((one) => typeof one === 'string') : []
}

export function textIn(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? storable(value) : undefined
}

/** Postgres takes no NUL in a text. */
function storable(text: string): string {
  return text.replaceAll('\0', ' ')
}

function wordsOfPiece(piece: string): Word[] {
  const colon = piece.indexOf(':')
  const qualifier = piece.slice(0, Math.max(0, colon))
  const isKnown = QUALIFIERS.has(qualifier) || PASSED_OVER.has(qualifier)
  if (!isKnown) return piece.split(/[\s"]+/).map((word) => ({ qualifier: '', value: withoutStars(word) }))
  const values = piece.slice(colon + 1).match(/(?:"[^"]*"|[^,+"])+/g) ?? []
  return values.map((value) => ({ qualifier, value: withoutStars(value.replaceAll('"', '').trim()) }))
}

function termsOfWord({ qualifier, value }: Word): string[] {
  if (PASSED_OVER.has(qualifier)) return []
  if (qualifier !== '') return [`${qualifier}:${value.replace(/^@/, '')}`]
  // The Entropic API's spelling of a name, and what is written so in a description, is found by its parts.
  return value.startsWith('@') ? [value] : value.split('/').filter(Boolean)
}

function withoutStars(word: string): string {
  let end = word.length
  while (word[end - 1] === '*') end--
  return word.slice(0, end)
}

/** The shorter beginnings of a word, so that it is found while it is being typed. */
function prefixesOf(word: string, shortest: number): string[] {
  const count = Math.min(word.length, LONGEST_TERM) - shortest
  return Array.from({ length: Math.max(0, count) }, (_, index) => word.slice(0, shortest + index))
}

function partsOf(npmName: string): string[] {
  return npmName.split(/[-_./@]+/).filter(Boolean)
}

/** Words as they stand, and the pieces of those with a hyphen or dot inside. */
function wordsOf(text: string): string[] {
  const words = text.split(/[^\p{L}\p{N}@/._-]+/u).map((word) => word.replace(/^[-._/]+|[-._/]+$/g, ''))
  return words.flatMap((word) => [word, ...partsOf(word)])
}

/** The name of a person, or of each in a list; `Kim Doe <kim@example.org>` counts whole and as `kim doe`'s words. */
function namesOf(value: Json | undefined): string[] {
  if (Array.isArray(value)) return value.flatMap(namesOf)
  const person = typeof value === 'object' && value !== null ? value : { name: value }
  const name = textIn(person.name)?.replace(/<.*$/, '').trim() ?? ''
  return [name, ...name.split(/\s+/)].filter(Boolean)
}
