import type { Digest, Fingerprint } from '../base/digest.ts'
import type { PackageName } from '../base/name.ts'
import type { Millis } from '../base/time.ts'

/** JSON as it comes from a client or an upstream: any shape until somebody looked. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined }
export type JsonObject = { [key: string]: Json | undefined }

/** A version's package.json as normalised by the client: `name` and `version` are checked, the rest is kept as it came. */
export type Manifest = JsonObject & { name: string; version: string }

/** Who asks. A token may be narrower than its account. */
export type Caller =
  | { readonly kind: 'anonymous' }
  | {
      readonly kind: 'user'
      readonly id: string
      readonly name: string
      readonly admin: boolean
      /** False for a read-only token. */
      readonly mayPublish: boolean
      /** The token used, when it was one. */
      readonly tokenId?: string
      /** The browser session used, when it was one; it was opened with the second factor, where the account has one. */
      readonly sessionId?: string
      /** What the token is limited to; absent: nothing. */
      readonly limits?: TokenLimits
      /** Whether the token needs no second factor where only the account asks for one. */
      readonly bypassesTfa?: boolean
      /** The trusted build that the token was given to: it publishes, stages and tags as its rule says, and changes nothing else. */
      readonly build?: { readonly id: string; readonly type: string; readonly permissions: readonly string[] }
      /** The one-time password that came with this very request, and the address it came from. */
      readonly otp?: string
      readonly address?: string
    }
/** Packages by npm name and whole namespaces; a package in either is covered. */
export type TokenLimits = { readonly packages: readonly string[]; readonly namespaces: readonly string[] }
export type User = Extract<Caller, { kind: 'user' }>

/** Finds out who asks, at most once, and only when somebody needs to know: reading public packages never does. */
export type Who = () => Promise<Caller>

export const ANONYMOUS: Caller = { kind: 'anonymous' }

/** One row's worth of a package: enough to answer 304 and to key every cache. */
export type PackageHead = {
  readonly id: string
  readonly name: PackageName
  /** The npm spelling. */
  readonly npmName: string
  readonly source: 'local' | 'mirror'
  readonly access: 'public' | 'restricted'
  readonly revision: number
  readonly requireTfa: boolean
  readonly createdAt: Millis
  readonly modifiedAt: Millis
  readonly yankedAt: Millis | undefined
}

/**
 * One version, ready to be written into a packument's abbreviated form: JSON texts, so that rendering is joining. `short` is a whole object
 * without `dist` and `deprecated`; `dist` is a whole object without `tarball`.
 */
export type ShortText = {
  readonly version: string
  readonly short: string
  readonly dist: string
  readonly deprecated: string | undefined
}

/** As ShortText, for both forms. */
export type VersionText = ShortText & { readonly full: string }

/** What is said of a package as a whole. */
export type PackageFace = {
  readonly head: PackageHead
  readonly tags: Readonly<Record<string, string>>
  /** `created`, `modified` and one ISO date a version, also of versions that are gone. */
  readonly time: Readonly<Record<string, string>>
  /** Further root fields of the full form (description, readme, maintainers, homepage…), in no form but their own. */
  readonly root: JsonObject
}

/** What the abbreviated form is rendered from, which installers ask for most: without what costs most to read. */
export type ShortDoc = Omit<PackageFace, 'root'> & {
  /** To be walked once; without yanked, removed and withheld ones. */
  readonly versions: Iterable<ShortText>
  /** Versions that policy keeps from everybody, with the reason in words; nothing else in here speaks of them. */
  readonly withheld: ReadonlyMap<string, string>
}

/**
 * The aggregate that every packument can be rendered from. Local packages (rows) and mirrored ones (the stored upstream document) are
 * two loaders of it; renderers cannot tell them apart.
 */
export type PackageDoc = PackageFace &
  Omit<ShortDoc, 'versions'> & { readonly versions: Iterable<VersionText> }

/** What is known of a version's content without opening it. */
export type VersionHead = {
  readonly version: string
  readonly tarball: Fingerprint | undefined
  /** The file tree document; undefined: not exploded yet. */
  readonly tree: Digest | undefined
  /** Of the Entropic manifest; undefined as long as tree is. */
  readonly integrity: Digest | undefined
  readonly readmeHtml: Digest | undefined
  readonly publishedAt: Millis
  readonly yankedAt: Millis | undefined
  readonly deprecated: string | undefined
}

/** A file of a version. `path` is relative to the package's root, `/`-separated, without `package/`. */
export type FileEntry = {
  readonly path: string
  readonly digest: Digest
  readonly size: number
  readonly executable: boolean
}
/** Sorted by path, bytewise. */
export type FileTree = readonly FileEntry[]

export type Content =
  | {
      readonly kind: 'tarball'
      readonly print: Fingerprint
      readonly expect: { integrity?: string; sha1?: string }
    }
  | { readonly kind: 'files'; readonly files: readonly FileEntry[] }

/** Dependency name → range, names in the Entropic API's canonical spelling. */
export type DependencyMap = Readonly<Record<string, string>>
export type DependencyMaps = Readonly<Record<DependencyField, DependencyMap>>

export const DEPENDENCY_FIELDS = [
  'dependencies',
  'devDependencies',
  'peerDependencies',
  'optionalDependencies',
] as const
export type DependencyField = (typeof DEPENDENCY_FIELDS)[number]

/** What a door asks for when somebody publishes. Blobs were ingested before, hashed on their way in. */
export type PublishRequest = {
  /** npm's publish makes the package (and claims its scope) on the way; the Entropic API wants it made before. */
  readonly missing: 'create' | 'refuse'
  readonly name: PackageName
  readonly version: string
  readonly manifest: Manifest
  /** Dependencies in canonical names, where the door knows them better than the npm manifest can say. */
  readonly dependencies?: DependencyMaps
  /** Tags to put on this version. Empty: `latest` moves forward if this version is higher, by the Entropic API's rule. */
  readonly tags: readonly string[]
  readonly readme: string | undefined
  /** Who may read the package from now on; absent: as it stands, or public. */
  readonly access?: PackageHead['access']
  /** A Sigstore bundle, JSON, that says how the version came to be. */
  readonly provenance?: string
  readonly content: Content
  /** The staged version that this is, approved by whoever publishes it now. */
  readonly staged?: Staged
}

/** A version that was staged: its id, by whom, and through which trusted build. */
export type Staged = { readonly id: string; readonly name: string; readonly build?: User['build'] }
