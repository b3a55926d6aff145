import { setTimeout } from 'node:timers/promises'
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
  const search = (text: string) => `${target.url}/-/v1/search?size=20&text=${encodeURIComponent(text)}`
  while ((await totalOf(search(QUERIES.everywhere))) < count) await setTimeout(500)
  for (const [name, text] of Object.entries(QUERIES)) {
    const url = search(text)
    const { p50, p99 } = await load({ url, headers: {}, connections: 1, seconds: 3 })
    console.log(
      `search, ${name}: ${await totalOf(url)} of ${count} packages, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
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

async function totalOf(url: string): Promise<number> {
  return ((await (await fetch(url)).json()) as { total: number }).total // our own answer
}

function anyWord(): string {
  return word(Math.floor(WORDS ** Math.random()))
}

function word(rank: number): string {
  return `w${rank.toString(36)}x`
}
