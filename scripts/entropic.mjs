#!/usr/bin/env node
// Plain JavaScript that an old Node can read too: what follows needs a new one, and better-sqlite3 ends an old one without a word.
import fs from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const range = JSON.parse(fs.readFileSync(join(root, 'package.json'), 'utf8')).engines.node

if (range.split('||').some(isMet) && Number(process.versions.napi) >= 10) {
  if (module.enableCompileCache) module.enableCompileCache(join(root, 'node_modules', '.cache', 'entropic'))
  import('../src/server/main.ts').then(function start(it) {
    return it.main(process.argv.slice(2))
  })
} else {
  console.error(
    'entropic needs Node ' +
      range +
      ', this is ' +
      process.versions.node +
      '. Start it with "npm start" after "npm ci", which brings a fitting Node on Linux, or install one.',
  )
  process.exitCode = 1
}

/** Whether this Node meets one alternative, `^1.2.3` or `>=1.2.3`, of the range in package.json. */
function isMet(alternative) {
  const own = process.versions.node.split('.').map(Number)
  const least = alternative
    .replace(/[^\d.]/g, '')
    .split('.')
    .map(Number)
  if (alternative.indexOf('^') >= 0 && own[0] !== least[0]) return false
  const at = [0, 1, 2].find(function differs(part) {
    return own[part] !== least[part]
  })
  return at === undefined || own[at] > least[at]
}
