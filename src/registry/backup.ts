import { randomUUID } from 'node:crypto'
import { open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../base/folder.ts'
import type { Millis } from '../base/time.ts'
import type { BlobStore } from '../storage/blobs/blobs.ts'
import { DiskDriver } from '../storage/blobs/disk.ts'
import { SpoolingBlobStore } from '../storage/blobs/store.ts'
import { type Copied, copyBlobs, type Damage } from '../storage/move/blobs.ts'
import { dumpRows } from '../storage/move/folder.ts'
import type { Sums } from '../storage/move/rows.ts'
import { appliedMigrations } from '../storage/sql/migrate.ts'
import type { Storage } from '../storage/storage.ts'
import { listReferences, type Reference } from '../storage/tables/references.ts'
import { everyBlob } from './references.ts'

const FORMAT = 1
const MANIFEST = 'manifest.json'
const ROWS = /^rows-[\w-]+$/
const SECRET = /^[a-z-]+(\.pem)?$/
const OURS = /^(manifest\.json(\.new)?|blobs|spool|secrets|rows-.*)$/

/** What a backup holds. Written last: without it there is no backup. */
export type BackupManifest = {
  readonly format: typeof FORMAT
  /** When the rows were as they are here. */
  readonly at: Millis
  /** The folder of the rows. */
  readonly rows: string
  readonly migrations: readonly string[]
  readonly tables: Sums
  readonly blobs: { readonly count: number; readonly bytes: number }
  /** Where each secret is: in the backup, or where the server's configuration has it. */
  readonly secrets: Readonly<Record<string, 'inside' | 'configured'>>
}

/** Secrets by the name of their file; undefined: the configuration has it, and it stays there. */
export type KeptSecrets = Readonly<Record<string, string | undefined>>

/** Why there is no backup, or none that can be used. */
export class BackupFailure extends Error {
  override readonly name = 'BackupFailure'
}

/**
 * Writes everything into `folder`, which is empty or holds an earlier backup, whose blobs are not copied again. The registry may go on working, but
 * nobody may delete blobs meanwhile. What was there before is a backup until the new one is whole. Throws BackupFailure.
 */
export async function backUp(
  storage: Storage,
  parts: { folder: string; secrets: KeptSecrets; now: Millis; signal?: AbortSignal },
): Promise<{ manifest: BackupManifest; copied: number }> {
  const { folder, secrets, signal } = parts
  await prepare(folder)
  const rows = `rows-${randomUUID()}`
  const { engine } = storage.sql
  const { tables, references } = await storage.sql.snapshot(async (db) => ({
    tables: await dumpRows(db, engine, join(folder, rows)),
    references: await gathered(listReferences(db)),
  }))
  const stores = { from: storage.blobs, to: blobsOf(folder) }
  const { damages, ...copied } = await copyReferred(references, stores, signal)
  if (damages.length > 0) throw new BackupFailure(reportOf(damages))
  await writeSecrets(join(folder, 'secrets'), secrets)
  const manifest: BackupManifest = {
    format: FORMAT,
    at: parts.now,
    rows,
    migrations: await appliedMigrations(storage.sql),
    tables,
    blobs: { count: copied.blobs, bytes: copied.bytes },
    secrets: Object.fromEntries(
      Object.entries(secrets).map(([name, it]) => [name, it === undefined ? 'configured' : 'inside']),
    ),
  }
  signal?.throwIfAborted()
  await writeWhole(join(folder, MANIFEST), `${JSON.stringify(manifest, undefined, 2)}\n`)
  await removeRows(folder, rows)
  return { manifest, copied: copied.copied }
}

/** Throws BackupFailure where there is no whole backup, or one of another format. */
export async function readManifest(folder: string): Promise<BackupManifest> {
  const text = await readFile(join(folder, MANIFEST), 'utf8').catch(async (cause) => {
    const found = await stat(folder).catch(() => undefined)
    if (!found?.isDirectory()) throw new BackupFailure(`There is no folder ${folder}.`, { cause })
    const why = 'it has no manifest.json, which is written last. Run entropic backup again'
    throw new BackupFailure(`${folder} holds no whole backup: ${why}.`, { cause })
  })
  const manifest = parsed(text)
  if (manifest?.format === FORMAT) return manifest
  throw new BackupFailure(`${join(folder, MANIFEST)} is damaged, or of another release.`)
}

/** What it says of rows and files is compared with them; where it leads to must be inside the folder. */
function parsed(text: string): BackupManifest | undefined {
  try {
    const manifest = JSON.parse(text) as BackupManifest // the two fields that are paths are looked at here
    const names = Object.keys(manifest.secrets)
    return ROWS.test(manifest.rows) && names.every((name) => SECRET.test(name)) ? manifest : undefined
  } catch {
    return undefined
  }
}

/** Copies what is referred to, and what the trees among it hold. */
export async function copyReferred(
  references: AsyncIterable<Reference> | Iterable<Reference>,
  { from, to }: { from: BlobStore; to: BlobStore },
  signal?: AbortSignal,
): Promise<Copied> {
  const unreadable: Damage[] = []
  const wanted = everyBlob(references, {
    blobs: from,
    unreadable: (tree) => unreadable.push({ ...tree, what: 'changed' }),
  })
  const copied = await copyBlobs(wanted, { from, to, ...(signal && { signal }) })
  const told = new Set(copied.damages.map(({ digest }) => digest))
  copied.damages.push(...unreadable.filter(({ digest }) => !told.has(digest)))
  return copied
}

/** The blobs of a backup. */
export function blobsOf(folder: string): BlobStore {
  return new SpoolingBlobStore(new DiskDriver(join(folder, 'blobs')), join(folder, 'spool'))
}

/** Each digest once, so that the moment need not be held on to while blobs are copied. */
async function gathered(references: AsyncIterable<Reference>): Promise<Iterable<Reference>> {
  const found = new Map<string, Reference>()
  for await (const reference of references) found.set(reference.digest, reference)
  return found.values()
}

export function reportOf(damages: readonly Damage[]): string {
  const shown = damages
    .slice(0, 20)
    .map(({ what, of, digest }) => `  ${what}: ${of} (${digest.slice(0, 20)}…)`)
  const more = damages.length > shown.length ? [`  and ${damages.length - shown.length} more`] : []
  const head = `${damages.length} stored files are not whole. Where they come from, try entropic doctor --repair.`
  return [head, ...shown, ...more].join('\n')
}

async function prepare(folder: string): Promise<void> {
  await makeFolder(folder)
  const names = await readdir(folder)
  const foreign = names.find((name) => !OURS.test(name))
  if (foreign !== undefined)
    throw new BackupFailure(
      `${folder} holds something else: ${foreign}. Name an empty folder, or that of a backup.`,
    )
  await makeFolder(join(folder, 'spool'))
  const isWhole = names.includes(MANIFEST)
  await removeRows(folder, isWhole ? (await readManifest(folder)).rows : undefined)
  await blobsOf(folder).sweepSpool(0)
}

async function removeRows(folder: string, but: string | undefined): Promise<void> {
  const old = (await readdir(folder)).filter((name) => ROWS.test(name) && name !== but)
  for (const name of old) await rm(join(folder, name), { recursive: true })
}

/** Readable by their owner alone. */
export async function writeSecrets(folder: string, secrets: KeptSecrets): Promise<void> {
  await makeFolder(folder)
  for (const [name, text] of Object.entries(secrets)) {
    if (text === undefined) await rm(join(folder, name), { force: true })
    else await writeWhole(join(folder, name), `${text.trim()}\n`)
  }
}

/** There whole or not at all. */
async function writeWhole(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600, flush: true })
  await rename(`${path}.new`, path)
  await using folder = await open(join(path, '..'))
  await folder.sync()
}
