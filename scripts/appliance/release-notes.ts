import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileName, version } from './paths.ts'
import { targets } from './targets.ts'

/** What somebody who downloads the files of `folder` should know of each: size, Node, and whether anybody ran it. */
export async function releaseNotes(folder: string): Promise<string> {
  const present = await readdir(folder)
  const rows = targets
    .filter(({ name }) => present.includes(fileName(name)))
    .map(async ({ name, node, state }) => {
      const { size } = await stat(join(folder, fileName(name)))
      return `| ${fileName(name)} | ${(size / 1e6).toFixed(1)} MB | ${node.version} | ${state} |\n`
    })
  return `# Entropic ${version}

| file | size | Node | state |
|---|---|---|---|
${(await Promise.all(rows)).join('')}| entropic-${version}.tgz | | your own | the npm package; tested where it was built |

Beside each executable lies what is inside it as CycloneDX (\`.cdx.json\`); \`sha256sum --check SHA256SUMS\` tells whether the files are whole.
`
}
