import { Agent, get } from 'node:http'
import { publish, type Target, tarball } from './seed.ts'

/** As many packuments as an application of ordinary size resolves, and npm's number of connections. */
const PACKAGES = 417
const CONNECTIONS = 15
const VERSIONS = 5

/** What a client asks for at an install, as fast as it can ask: every packument once, all of them warm. */
export async function replay(target: Target): Promise<void> {
  const names = Array.from({ length: PACKAGES }, (_, n) => `bench-tree-${n}`)
  for (const name of names)
    for (let n = 0; n < VERSIONS; n++)
      await publish(target, name, { version: `1.${n}.0`, bytes: await tarball(name, `1.${n}.0`, 200) })
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const all = () => Promise.all(names.map((name) => fetched(`${target.url}/${name}`, agent)))
  await all()
  const begin = performance.now()
  await all()
  console.log(`${PACKAGES} packuments, warm: ${Math.round(performance.now() - begin)} ms`)
  agent.destroy()
}

function fetched(url: string, agent: Agent): Promise<void> {
  const headers = { accept: 'application/json', 'accept-encoding': 'gzip' }
  return new Promise((resolve, reject) => {
    get(url, { agent, headers }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`${url}: ${response.statusCode}`))
      response.resume().once('end', resolve).once('error', reject)
    }).once('error', reject)
  })
}
