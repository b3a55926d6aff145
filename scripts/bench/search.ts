import { load } from './load.ts'
import { publish, type Target, tarball } from './seed.ts'

/** Different words; the n-th is about n times rarer than the first, as in any language. */
const WORDS = 3000
const AT_ONCE = 8

/** What is searched for: the rank of each word, or words that every package holds. */
const QUERIES = {
  everywhere: 'package',
  common: word(2),
  usual: word(20),
  rare: word(400),
  two: `package ${word(2)}`,
}

/** Publishes `count` packages with words like a language's, then measures searches over them, one at a time. */
export async function searching(target: Target, count: number): Promise<void> {
  let next = 0
  const worker = async () => {
    for (let n = next++; n < count; n = next++) await release(target, n)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  for (const [name, text] of Object.entries(QUERIES)) {
    const url = `${target.url}/-/v1/search?size=20&text=${encodeURIComponent(text)}`
    const total = await indexed(url)
    const { p50, p99 } = await load({ url, headers: {}, connections: 1, seconds: 3 })
    console.log(
      `search, ${name} word (${total} of ${count} packages): p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
    )
  }
}

async function release(target: Target, n: number): Promise<void> {
  const name = `${anyWord()}-${anyWord()}-${n}`
  const words = Array.from({ length: 8 }, anyWord)
  await publish(target, name, {
    version: '1.0.0',
    bytes: await tarball(name, '1.0.0', 100),
    more: { description: `a package of ${words.join(' ')}`, keywords: words.slice(0, 3) },
  })
}

/** Resolves to how many are found, once that no longer changes: the index is then up to date. */
async function indexed(url: string): Promise<number> {
  let [before, total] = [-1, 0]
  while (total !== before) {
    before = total
    const reply = await fetch(url)
    total = ((await reply.json()) as { total: number }).total // our own answer
  }
  return total
}

function anyWord(): string {
  return word(Math.floor(WORDS ** Math.random()))
}

function word(rank: number): string {
  return `w${rank.toString(36)}x`
}
