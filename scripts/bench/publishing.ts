import { median } from './compare.ts'
import { publish, publishDocument, put, type Target, tarball } from './seed.ts'

/** Small packages and large ones, then many versions of one; prints what came of it and checks that all were kept. */
export async function seed(target: Target, versions: number): Promise<void> {
  for (let n = 0; n < 12; n++) await release(target, 'bench-small', `1.0.${n}`)
  for (const [name, size] of Object.entries({ '10k': 10_000, '1m': 1_000_000, '20m': 20_000_000 })) {
    const bytes = await tarball(`bench-${name}`, '1.0.0', size)
    await publish(target, `bench-${name}`, { version: '1.0.0', bytes })
  }
  const times: number[] = []
  for (let n = 0; n < versions; n++) times.push(await release(target, 'bench-large', `1.${n}.0`))
  const edge = Math.min(50, times.length)
  const [first, last] = [median(times.slice(0, edge)), median(times.slice(-edge))]
  console.log(
    `${versions} versions of one package: the first ${edge} took ${first.toFixed(1)} ms each, the last ${last.toFixed(1)} ms`,
  )
}

/** Versions of one package, so many at once. */
export async function publishing(
  target: Target,
  { size, count, atOnce }: { size: number; count: number; atOnce: number },
): Promise<void> {
  const name = `bench-publish-${size}-${atOnce}`
  // Made beforehand: hashing and encoding them would take as long as a registry does.
  const documents = await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const version = `1.0.${n}`
      return publishDocument(name, { version, bytes: await tarball(name, version, size) })
    }),
  )
  const begin = performance.now()
  let [next, again] = [0, 0]
  const worker = async () => {
    for (let n = next++; n < count; n = next++)
      again += await stubbornly(() => put(target, name, documents[n] ?? ''))
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  const seconds = (performance.now() - begin) / 1000
  const document = (await (await fetch(`${target.url}/${name}`)).json()) as { versions: object } // its own answer
  const kept = Object.keys(document.versions).length
  const rate = (count / seconds).toFixed(1)
  console.log(
    `publish ${size} bytes, ${atOnce} at once: ${rate} per second, ${kept} of ${count} kept, ${again} repeated`,
  )
}

const MOST_TRIES = 20

/** Some registries refuse a publish while another of the same package is under way: it is repeated, as people do. */
async function stubbornly(work: () => Promise<void>): Promise<number> {
  for (let failed = 0; ; failed++)
    try {
      await work()
      return failed
    } catch (error) {
      if (failed + 1 === MOST_TRIES) throw error
    }
}

/** Publishes and resolves with the milliseconds it took. */
async function release(target: Target, name: string, version: string): Promise<number> {
  const bytes = await tarball(name, version, 500)
  const begin = performance.now()
  await publish(target, name, { version, bytes })
  return performance.now() - begin
}
