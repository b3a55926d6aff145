import { build } from 'esbuild'
import { root } from './paths.ts'

export type Bundle = {
  readonly code: Uint8Array
  /** The bundled files, relative to the checkout. */
  readonly inputs: readonly string[]
}

/** What is bundled; the executable unless told. */
export type BundleOptions = {
  /** An ES module that stands at the top of the checkout. */
  readonly source?: string
  /** Packages that are left out. */
  readonly external?: readonly string[]
}

/** The whole server as one CommonJS text: Node runs nothing else inside an executable. */
export async function bundle({
  source = "import './src/server/executable.ts'",
  external = [],
}: BundleOptions = {}): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    stdin: { contents: source, resolveDir: root, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    // Names are kept, so that a stack trace in a log can be read; they cost nothing beside Node itself.
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 160,
    legalComments: 'none',
    define: {
      'import.meta.dirname': '__dirname',
      // @pnpm/npm-conf looks for npm's own settings beside itself, where an executable has no files.
      'require.resolve.paths': 'undefined',
    },
    // Optional parts of pg, which asks for them only where they can be.
    external: ['pg-native', 'cloudflare:sockets', ...external],
    metafile: true,
    write: false,
    logLevel: 'warning',
  })
  const code = outputFiles[0]?.contents
  if (!code) throw new Error('esbuild made no file')
  return { code, inputs: Object.keys(metafile.inputs) }
}
