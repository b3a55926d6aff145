import { createHash } from 'node:crypto'

type Packument = { versions: Record<string, { dist: { integrity: string; tarball: string } }> }
type EntropicVersion = { files: Record<string, string> }

/**
 * Reads all that packages hold: every version in the packument, its tarball by npm and its files by the Entropic API, each compared with its
 * digest. Resolves to the versions, as `name@version`; throws for the first that is not whole.
 */
export async function readEverything(url: string, names: readonly string[]): Promise<string[]> {
  const read: string[] = []
  const objects = new Set<string>()
  for (const name of names) {
    const packument: Packument = await (await fetched(`${url}/${name.replace('/', '%2f')}`)).json()
    for (const [version, { dist }] of Object.entries(packument.versions)) {
      await compare(dist.tarball, dist.integrity)
      const of = `${url}/v1/packages/package/${name.replace('@', '')}/versions/${version}`
      const { files }: EntropicVersion = await (await fetched(of)).json()
      for (const digest of Object.values(files)) objects.add(digest)
      read.push(`${name}@${version}`)
    }
  }
  for (const digest of objects)
    await compare(
      `${url}/v1/objects/object/sha512/${encodeURIComponent(digest.replace('sha512-', ''))}`,
      digest,
    )
  return read
}

async function compare(address: string, integrity: string): Promise<void> {
  const bytes = new Uint8Array(await (await fetched(address)).arrayBuffer())
  const actual = `sha512-${createHash('sha512').update(bytes).digest('base64')}`
  if (actual !== integrity) throw new Error(`${address} is not what it was: ${actual}`)
}

async function fetched(address: string): Promise<Response> {
  const response = await fetch(address)
  if (!response.ok) throw new Error(`${address} answered ${response.status}: ${await response.text()}`)
  return response
}
