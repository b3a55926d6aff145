import type { Caller } from '../../registry/model.ts'
import type { NetworkMode } from '../../registry/network.ts'
import type { Registry } from '../../registry/registry.ts'
import type { Config } from '../config/options.ts'
import { isAlone, withRegistry } from '../open.ts'
import { type RunningServer, runningServer } from '../running.ts'
import { columns, sizeOf } from './columns.ts'
import type { Call } from './command.ts'

/** What `--json` prints. */
export type Status = {
  readonly server: RunningServer | null
  readonly mode: NetworkMode
  readonly stored: {
    readonly packages: number
    readonly tarballs: number
    /** Bytes on the disk. */
    readonly bytes: number
    /** Bytes that the same content under several names does not take a second time. */
    readonly saved: number
  }
}

/** Whoever may read the data folder may read everything in it. */
const OWNER: Caller = { kind: 'user', id: '', name: 'console', admin: true, mayPublish: true }

/** Tells what runs on the data and what is stored there. Exit code 1 when no server runs. */
export async function status({ flags, settings: { config } }: Call): Promise<number> {
  const server = (await runningServer(config.cacheDir)) ?? null
  const found: Status = { server, ...(await withRegistry(config, figuresOf)) }
  process.stdout.write('json' in flags ? `${JSON.stringify(found)}\n` : columns(rowsOf(found, config)))
  return server ? 0 : 1
}

async function figuresOf({ network, stats }: Registry): Promise<Omit<Status, 'server'>> {
  const { packages, tarballs } = await stats.figures(OWNER)
  const sum = (of: 'versions' | 'bytes' | 'storedBytes') => tarballs.local[of] + tarballs.mirror[of]
  const bytes = sum('storedBytes')
  const saved = sum('bytes') - bytes
  return {
    mode: await network.mode(),
    stored: { packages: packages.local + packages.mirror, tarballs: sum('versions'), bytes, saved },
  }
}

function rowsOf({ server, mode, stored }: Status, config: Config): string[][] {
  const { packages, tarballs, bytes, saved } = stored
  return [
    ['server', server ? `${server.url} (entropic ${server.version}, process ${server.pid})` : 'none runs'],
    ['upstream', isAlone(config) ? 'none' : mode],
    ['stored', `${packages} packages, ${tarballs} tarballs, ${sizeOf(bytes)}`],
    ['saved', `${sizeOf(saved)} of content that several have in common`],
  ]
}
