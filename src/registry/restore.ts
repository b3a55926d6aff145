import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobStore } from '../storage/blobs/blobs.ts'
import { examineBlob } from '../storage/blobs/examine.ts'
import type { Damage, Wanted } from '../storage/move/blobs.ts'
import { rowsIn } from '../storage/move/folder.ts'
import { loadRows, unfinishedLoad } from '../storage/move/load.ts'
import type { Storage } from '../storage/storage.ts'
import { listReferences } from '../storage/tables/references.ts'
import { BackupFailure, type BackupManifest, copyReferred, type KeptSecrets, reportOf } from './backup.ts'
import { everyBlob } from './references.ts'

type Backup = { readonly folder: string; readonly manifest: BackupManifest }

/**
 * Brings the rows of a backup into an empty storage, whose schema was made by the backup's own migrations. Broken off and called again, it goes
 * on where it was. Throws BackupFailure, LoadFailure.
 */
export async function restoreRows({ sql, blobs }: Storage, { folder, manifest }: Backup): Promise<void> {
  if ((await unfinishedLoad(sql)) === undefined) await requireNoBlobs(blobs)
  const { migrations, tables: sums, rows } = manifest
  await loadRows(sql, { migrations, sums, rows: (table) => rowsIn(join(folder, rows), table) })
}

/** Copies every blob that rows refer to and is not there yet, then reads all of them back. Throws BackupFailure. */
export async function fillBlobs(
  { sql, blobs }: Storage,
  from: BlobStore,
): Promise<{ blobs: number; bytes: number }> {
  const { damages } = await copyReferred(listReferences(sql.read), { from, to: blobs })
  if (damages.length > 0) throw new BackupFailure(reportOf(damages))
  const unreadable: Damage[] = []
  const wanted = everyBlob(listReferences(sql.read), {
    blobs,
    unreadable: (tree) => unreadable.push({ ...tree, what: 'changed' }),
  })
  const { damages: found, ...read } = await examineAll(blobs, wanted)
  if (found.length + unreadable.length > 0) throw new BackupFailure(reportOf([...found, ...unreadable]))
  return read
}

/** The secrets that are in the backup. */
export async function secretsIn(folder: string, { secrets }: BackupManifest): Promise<KeptSecrets> {
  const inside = Object.keys(secrets).filter((name) => secrets[name] === 'inside')
  const texts = inside.map(async (name) => [name, await readFile(join(folder, 'secrets', name), 'utf8')])
  return Object.fromEntries(await Promise.all(texts))
}

/** Reads blobs and tells those that are not whole. */
export async function examineAll(
  blobs: BlobStore,
  wanted: AsyncIterable<Wanted>,
): Promise<{ blobs: number; bytes: number; damages: Damage[] }> {
  const damages: Damage[] = []
  let count = 0
  let bytes = 0
  for await (const { digest, of } of wanted) {
    count += 1
    const found = await examineBlob(blobs, digest)
    if (typeof found === 'number') bytes += found
    else damages.push({ digest, of, what: found })
  }
  return { blobs: count, bytes, damages }
}

async function requireNoBlobs(blobs: BlobStore): Promise<void> {
  for await (const digest of blobs.list())
    throw new BackupFailure(
      `There are stored files already (${digest.slice(0, 20)}…). Give an empty place: nothing is ever written over.`,
    )
}
