import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const FLOORS = ['src/base', 'src/storage', 'src/registry', 'src/server']

type Wall = {
  readonly inside: string
  readonly never: RegExp
  readonly except?: RegExp
  readonly because: string
}

const walls: Wall[] = [
  {
    inside: 'src/tray',
    never: /^src\/(?!tray)/,
    because: 'the tray is a process of its own and talks HTTP to the server',
  },
  {
    inside: 'src/registry',
    never: /^(koa|@koa\/router|koa-session|busboy)$/,
    because: 'both APIs and the command line call the registry; it cannot speak HTTP',
  },
  {
    inside: 'src/server/npm',
    never: /^src\/server\/(entropic|web)\//,
    because: 'what two doors need belongs in http/ or one floor down',
  },
  {
    inside: 'src/server/entropic',
    never: /^src\/server\/(npm|web)\//,
    because: 'what two doors need belongs in http/ or one floor down',
  },
  {
    inside: 'src/server/web',
    never: /^src\/server\/(npm|entropic)\//,
    because: 'what two doors need belongs in http/ or one floor down',
  },
  {
    inside: 'src/server/http',
    never: /^src\/server\/(npm|entropic|web)\//,
    because: 'the doors build on http/, not the other way',
  },
  {
    inside: 'src/server',
    never: /^src\/storage\//,
    except: /^src\/server\/(main|open|commands\/[\w-]+)\.ts$/,
    because:
      'doors reach bytes and rows through the registry; only the place that plugs everything together opens the storage',
  },
  {
    inside: 'src',
    never: /^(better-sqlite3|pg)$/,
    except: /^src\/storage\/sql\//,
    because: 'one place knows each database driver',
  },
  {
    inside: 'src',
    never: /^ioredis(-mock)?$/,
    except: /^src\/storage\/kv[\w-]*\.ts$/,
    because: 'one place knows Redis',
  },
  {
    inside: 'src',
    never: /^electron$/,
    except: /^src\/tray\//,
    because: 'the server must run without a desktop',
  },
  {
    inside: 'src',
    never: /^undici$/,
    except: /^src\/(registry\/(upstream|mirror\/)|storage\/blobs\/s3-client\.ts$)/,
    because: 'one place speaks to registries, and one to S3',
  },
]

/** Longest a file and a function may get; raising one needs a sentence here. */
const FILE_LINES = 320
const FUNCTION_LINES = 45

const files = listFiles(join(root, 'src')).map((file) => relative(root, file))
const sources = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
const imports = new Map([...sources].map(([file, text]) => [file, importsOf(file, text)]))

test('imports go down the floors, never up', () => {
  const wrongs: string[] = []
  for (const [file, targets] of imports)
    for (const target of targets)
      if (floorOf(target) > floorOf(file)) wrongs.push(`${file} climbs to ${target}`)
  expect(wrongs).toEqual([])
})

test('no import goes through a wall', () => {
  const wrongs: string[] = []
  for (const [file, targets] of imports)
    for (const wall of walls) {
      if (!file.startsWith(`${wall.inside}/`) || wall.except?.test(file)) continue
      for (const target of targets)
        if (wall.never.test(target)) wrongs.push(`${file} → ${target}: ${wall.because}`)
    }
  expect(wrongs).toEqual([])
})

test('no imports go in a circle', () => {
  const wrongs: string[] = []
  const done = new Set<string>()
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) return void wrongs.push([...path.slice(path.indexOf(file)), file].join(' → '))
    if (done.has(file)) return
    for (const target of imports.get(file) ?? []) walk(target, [...path, file])
    done.add(file)
  }
  for (const file of files) walk(file, [])
  expect(wrongs).toEqual([])
})

test('the environment is read in the configuration alone, and nobody else ends the process', () => {
  const wrongs = [...sources]
    .filter(([file]) => !/^src\/(server\/(config|main|process)|tray\/)/.test(file))
    .filter(([, text]) => /process\.(env|exit)\b/.test(text))
    .map(([file]) => file)
  expect(wrongs).toEqual([])
})

test('no page writes by hand where another one is: a path may stand before it', () => {
  const wrongs = [...sources]
    .filter(([, text]) => /\b(?:href|src|action)="\/|redirect\((?:ctx, )?['"`]\//.test(text))
    .map(([file]) => file)
  expect(wrongs).toEqual([])
})

test('files and functions stay short enough to read at once', () => {
  const wrongs: string[] = []
  for (const [file, text] of sources) {
    const lines = text.split('\n')
    if (lines.length > FILE_LINES) wrongs.push(`${file} has ${lines.length} lines`)
    for (const { name, length } of functionsOf(lines))
      if (length > FUNCTION_LINES) wrongs.push(`${file}: ${name} has ${length} lines`)
  }
  expect(wrongs).toEqual([])
})

function listFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.name === 'node_modules') return [] // the tray's Electron
    if (entry.isDirectory()) return listFiles(path)
    return entry.name.endsWith('.ts') ? [path] : []
  })
}

/** Package names, and files of ours relative to the root. Types count: a circle of types is one too. */
function importsOf(file: string, text: string): string[] {
  const found = [...text.matchAll(/(?:\bfrom\s+|\bimport\s*\(\s*|^import\s+)'([^']+)'/gm)].map(
    (match) => match[1] ?? '',
  )
  return found.map((target) => (target.startsWith('.') ? join(dirname(file), target) : target))
}

/** A file's floor; what is no file of ours lies below them all. */
function floorOf(file: string): number {
  return FLOORS.findIndex((floor) => file.startsWith(`${floor}/`))
}

/**
 * The formatter's layout tells: a signature ends its line with `{` (its last line begins with `)` when it is broken), and the function
 * ends at the first line that closes at the same depth.
 */
function functionsOf(lines: readonly string[]): { name: string; length: number }[] {
  const found: { name: string; length: number }[] = []
  const statement = /^\s*(?:if|for|while|switch|catch|return|await|const|let|throw)\b/
  const signature =
    /^(\s*)(?:(?:export |async |static |get |set )*(?:function\*? )?\*?#?(\w+)\(.*\)|\))[^()]*\{$/
  lines.forEach((line, start) => {
    const match = signature.exec(line)
    if (!match || statement.test(line)) return
    const end = lines.findIndex((other, at) => at > start && other === `${match[1]}}`)
    if (end > 0)
      found.push({ name: match[2] ?? `the function at line ${start + 1}`, length: end - start + 1 })
  })
  return found
}
