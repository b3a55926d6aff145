import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { envExample, withOptionsTable } from '../src/server/config/docs.ts'

const root = join(import.meta.dirname, '..')
const readme = join(root, 'README.md')

writeFileSync(join(root, '.env-example'), envExample())
writeFileSync(readme, withOptionsTable(readFileSync(readme, 'utf8')))
