import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Digest, Fingerprint } from '../base/digest.ts'
import { fail } from '../base/fault.ts'
import { fromNpmName } from '../base/name.ts'
import { iso } from '../base/time.ts'
import { findVersion } from '../storage/tables/versions.ts'
import { type BundleHead, packBundle, readBundle } from './bundle/archive.ts'
import { cutDocument } from './bundle/document.ts'
import { checkPackage, type Imported, importPackage } from './bundle/import.ts'
import { type BundledObject, type BundledPackage, broken, FORMAT } from './bundle/manifest.ts'
import type { BundleSigner, KeyName } from './bundle/signature.ts'
import type { Context } from './context.ts'
import type { Documents } from './documents.ts'
import type { Keys } from './keys.ts'
import { ANONYMOUS } from './model.ts'
import type { Packages } from './packages.ts'

/** A version to be carried. */
export type Carried = { readonly name: string; readonly version: string }

/** Packages carried in one file to where no network leads. The format is described in docs/bundle.md. */
export class Bundles {
  readonly #context: Context
  readonly #packages: Packages
  readonly #documents: Documents
  readonly #keys: Keys

  constructor(context: Context, parts: { packages: Packages; documents: Documents; keys: Keys }) {
    this.#context = context
    this.#packages = parts.packages
    this.#documents = parts.documents
    this.#keys = parts.keys
  }

  /**
   * A bundle of these versions, each stored here; the caller reads it to its end. VERSION_NOT_FOUND, PACKAGE_NOT_FOUND.
   */
  async create(carried: readonly Carried[], signer: BundleSigner): Promise<AsyncIterable<Uint8Array>> {
    const documents = new Map<Digest, Buffer>()
    const packages: BundledPackage[] = []
    const byName = Map.groupBy(carried, ({ name }) => name)
    for (const name of [...byName.keys()].sort()) {
      const versions = byName.get(name)?.map(({ version }) => version) ?? []
      const { pack, document } = await this.#gather(name, versions.sort())
      packages.push(pack)
      documents.set(pack.document.digest, document)
    }
    const created = iso(this.#context.clock.now())
    const about = { format: FORMAT, created, from: this.#context.host() } as const
    const manifest = { ...about, keys: await this.#keys.list(), packages }
    return packBundle(manifest, signer, async (digest) => {
      const document = documents.get(digest)
      return document ? Readable.from([document]) : this.#context.storage.blobs.open(digest)
    })
  }

  /**
   * Takes a bundle in. Every object is hashed and stored and every package looked through before the first becomes visible, and each becomes
   * visible whole; what is here already stays. BAD_REQUEST, FORBIDDEN when none of `trusted` signed it, INTEGRITY_MISMATCH, CONFLICT.
   */
  async import(file: Readable, trusted: readonly KeyName[]): Promise<Imported[]> {
    const prints = new Map<Digest, Fingerprint>()
    const { manifest } = await readBundle(file, {
      accept: (head) => checkTrust(head, trusted),
      take: async ({ digest, size }, bytes) => {
        prints.set(digest, await this.#context.storage.blobs.ingest(bytes, { integrity: digest, size }))
      },
    })
    const shipment = { from: manifest.from, created: Date.parse(manifest.created), prints }
    for (const pack of manifest.packages) await checkPackage(this.#context, pack, shipment)
    await this.#keys.learn(manifest.keys)
    const imported: Imported[] = []
    for (const pack of manifest.packages) imported.push(await importPackage(this.#context, pack, shipment))
    return imported
  }

  /** A package cut down to these versions. */
  async #gather(
    name: string,
    versions: readonly string[],
  ): Promise<{ pack: BundledPackage; document: Buffer }> {
    const parsed = fromNpmName(name)
    const head =
      (await this.#packages.findOwn(parsed)) ?? (await this.#packages.head(async () => ANONYMOUS, parsed))
    const tarballs: [string, BundledObject][] = []
    for (const version of versions) {
      const row = await findVersion(this.#context.storage.sql.read, head.id, version)
      if (!row?.tarball || row.size === null) return fail('VERSION_NOT_FOUND', { spec: name, version })
      tarballs.push([version, { digest: row.tarball, size: row.size }])
    }
    const cut = cutDocument(await this.#documents.load(head), new Set(versions))
    const document = Buffer.from(JSON.stringify(cut))
    const address = { digest: digestOf(document), size: document.length }
    return { pack: { name, document: address, versions: Object.fromEntries(tarballs) }, document }
  }
}

/** Reads a whole bundle and compares every object with its address. BAD_REQUEST. */
export function verifyBundle(file: Readable): Promise<BundleHead> {
  return readBundle(file, {
    accept: () => undefined,
    async take({ digest }, bytes) {
      const hash = createHash('sha512')
      for await (const chunk of bytes) hash.update(chunk)
      if (`sha512-${hash.digest('base64')}` !== digest) broken(`the object ${digest} was changed`)
    },
  })
}

function checkTrust({ key, manifest }: BundleHead, trusted: readonly KeyName[]): void {
  if (trusted.includes(key)) return
  const why = `The bundle was signed by ${manifest.from} with the key ${key}, which is not ours. Compare it with what "entropic bundle key" prints there, and name it: --key ${key}`
  fail('FORBIDDEN', { why })
}

function digestOf(bytes: Buffer): Digest {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`
}
