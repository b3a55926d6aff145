import type { Log } from '../base/log.ts'
import type { Clock } from '../base/time.ts'
import type { Spool } from '../storage/blobs/blobs.ts'
import type { Storage } from '../storage/storage.ts'
import { Access } from './access.ts'
import { Accounts } from './accounts.ts'
import type { KnownAdvisories } from './advisories/known.ts'
import { Advisories } from './advisories.ts'
import { Attestations } from './attestations.ts'
import { Audit } from './audit.ts'
import { Bundles } from './bundles.ts'
import { Cache } from './cache.ts'
import { type Chores, createUpkeep } from './chores.ts'
import { ContentStore } from './content.ts'
import { Contents } from './contents.ts'
import type { Context, Limits } from './context.ts'
import { Discovery } from './discovery.ts'
import { Documents } from './documents.ts'
import type { DownloadCounts } from './downloads.ts'
import { Federation } from './federation.ts'
import { createFoundation, type Foundation } from './foundation.ts'
import { Grants } from './grants.ts'
import { Identities } from './identities.ts'
import { Keys } from './keys.ts'
import { Logins } from './logins.ts'
import { Maintainers } from './maintainers.ts'
import type { Metrics } from './metrics.ts'
import { createMirror, type Mirror, type MirrorPolicy } from './mirror.ts'
import { Namespaces } from './namespaces.ts'
import { Network } from './network.ts'
import { Objects } from './objects.ts'
import { Organisations } from './organisations.ts'
import { Owners } from './owners.ts'
import { Packages } from './packages.ts'
import { Passkeys } from './passkeys.ts'
import type { Policy, PolicyRules } from './policy.ts'
import { Prefetch } from './prefetch.ts'
import { Repair } from './repair.ts'
import { Sealer } from './seal.ts'
import { Search } from './search.ts'
import { createServices, type ServiceOptions } from './services.ts'
import { Sessions } from './sessions.ts'
import { SignUp } from './sign-up.ts'
import { Signer } from './signer.ts'
import { Stages } from './stages.ts'
import { Stars } from './stars.ts'
import type { Stats } from './stats.ts'
import type { Tally } from './tally.ts'
import { Teams } from './teams.ts'
import { Tokens } from './tokens.ts'
import type { Trust } from './trust.ts'
import { TwoFactor } from './two-factor.ts'
import type { Upkeep } from './upkeep.ts'
import type { Upstream } from './upstream.ts'
import { UpstreamSearch } from './upstream-search.ts'
import { VerdaccioImport } from './verdaccio/import.ts'
import { Versions } from './versions.ts'
import { Visibility } from './visibility.ts'
import type { Courier } from './webhooks/courier.ts'
import type { Webhooks } from './webhooks.ts'

/** The rules of the registry, whole: what every door, page and command works through. */
export interface Registry extends Foundation {
  readonly access: Access
  readonly accounts: Accounts
  readonly tokens: Tokens
  readonly sessions: Sessions
  readonly logins: Logins
  readonly signUp: SignUp
  readonly identities: Identities
  readonly twoFactor: TwoFactor
  readonly passkeys: Passkeys
  readonly audit: Audit
  readonly packages: Packages
  readonly maintainers: Maintainers
  readonly objects: Objects
  readonly advisories: Advisories
  /** Those imported from a dump. */
  readonly known: KnownAdvisories
  readonly keys: Keys
  readonly attestations: Attestations
  readonly owners: Owners
  readonly visibility: Visibility
  readonly organisations: Organisations
  readonly teams: Teams
  readonly grants: Grants
  readonly stars: Stars
  readonly namespaces: Namespaces
  readonly documents: Documents
  readonly contents: Contents
  readonly versions: Versions
  readonly upkeep: Upkeep
  readonly repair: Repair
  /** Upkeep now and then, once it is started. */
  readonly chores: Chores
  readonly cache: Cache
  readonly network: Network
  /** Whether there is no upstream to mirror. */
  readonly isAlone: boolean
  readonly prefetch: Prefetch
  readonly bundles: Bundles
  readonly verdaccio: VerdaccioImport
  /** Which mirrored versions are offered. */
  readonly policy: Policy
  readonly metrics: Metrics
  readonly discovery: Discovery
  readonly search: Search
  readonly upstreamSearch: UpstreamSearch
  readonly downloads: DownloadCounts
  readonly tally: Tally
  readonly stats: Stats
  /** Builds that publish without a token of their own. */
  readonly trust: Trust
  /** Versions that wait for approval. */
  readonly stages: Stages
  readonly webhooks: Webhooks
  /** Sends what webhooks are to be told, once it is started. */
  readonly courier: Courier
  /** Writes what is still only in memory and ends background work. The storage stays open. */
  close(): Promise<void>
}

export type RegistryDeps = ServiceOptions & {
  readonly storage: Storage
  readonly clock: Clock
  readonly log: Log
  readonly limits: Limits
  readonly host: () => string
  /** Seals what lies encrypted in the database; of any length, and the same at every start. */
  readonly sealingKey: string
  /** What is published here is signed with it: an ECDSA P-256 private key, PEM. Absent: nothing is signed. */
  readonly signingKey?: string
  /** Absent: nothing is mirrored. */
  readonly upstream?: Upstream
  readonly mirrorPolicy: MirrorPolicy
  /** Absent: every mirrored version is offered. */
  readonly policyRules?: PolicyRules
  /** Other registries of this API, whose packages are fetched under their own hosts; closed with the registry. */
  readonly peers?: readonly Upstream[]
}

export function createRegistry(deps: RegistryDeps): Registry {
  const { storage, clock, log, limits, host } = deps
  const context: Context = { storage, clock, log, limits, host }
  const sealer = new Sealer(deps.sealingKey)
  const people = createPeople(context, sealer)
  const access = new Access(context, people.twoFactor)
  const content = new ContentStore(context)
  const { mirror, metrics, federation, network, cache, contents } = createOrigins(deps, context, content)
  const packages = new Packages(context, { access, mirror, federation })
  const documents = new Documents(context, mirror)
  const signer = deps.signingKey === undefined ? undefined : new Signer(deps.signingKey)
  const versions = new Versions(context, { packages, content, federation, signer })
  const search = new Search(context, { packages, documents })
  const tokens = new Tokens(context)
  const upkeep = createUpkeep(context, { cache, search, metrics })
  const assurances = createAssurances(context, { packages, network, signer, mirror, upstream: deps.upstream })
  const services = createServices(context, { ...people, access, packages, network, sealer, metrics }, deps)
  return {
    access,
    ...people,
    tokens,
    packages,
    ...createRights(context, access, packages),
    ...assurances,
    documents,
    contents,
    network,
    cache,
    discovery: new Discovery(context, packages),
    search,
    ...services,
    versions,
    verdaccio: new VerdaccioImport(context, { accounts: people.accounts, content, signer }),
    stages: new Stages(context, { access, packages, versions, twoFactor: people.twoFactor }),
    ...upkeep,
    ...createProvisions(context, { packages, documents, mirror, content, contents, keys: assurances.keys }),
    ...createFoundation(context, access),
    async close() {
      await upkeep.chores.close()
      const counted = [tokens.flush(), cache.flush(), services.tally.close()]
      await Promise.all([...counted, search.close(), services.courier.close()])
      await Promise.all([mirror.close(), federation.close()])
    },
  }
}

/** Who may do what with a package, and who belongs to whom. */
function createRights(context: Context, access: Access, packages: Packages) {
  const namespaces = new Namespaces(context, access)
  const maintainers = new Maintainers(context, { access, packages })
  return {
    namespaces,
    maintainers,
    organisations: new Organisations(context, { access, namespaces }),
    teams: new Teams(context, { access, namespaces }),
    grants: new Grants(context, { access, packages, namespaces, maintainers }),
    visibility: new Visibility(context, packages),
    objects: new Objects(context, packages),
    owners: new Owners(context, { access, packages }),
    stars: new Stars(context, { access, packages }),
  }
}

/** What tells whether a package can be relied on. */
function createAssurances(
  context: Context,
  {
    packages,
    network,
    signer,
    mirror,
    upstream,
  }: {
    packages: Packages
    network: Network
    signer: Signer | undefined
    mirror: Mirror
    upstream: Upstream | undefined
  },
) {
  const { known } = mirror
  const origin = { network, ...(upstream && { upstream }) }
  return {
    advisories: new Advisories(context, { ...origin, known }),
    keys: new Keys(context, { ...origin, own: signer?.keys ?? [] }),
    attestations: new Attestations(context, { ...origin, packages }),
    upstreamSearch: new UpstreamSearch(context, origin),
    isAlone: upstream === undefined,
    known,
  }
}

/** Where packages come from that are not published here. */
function createOrigins(deps: RegistryDeps, context: Context, content: ContentStore) {
  const { mirrorPolicy: policy, policyRules: rules, upstream, peers = [] } = deps
  const network = new Network(context.storage.sql, policy.mode, policy.modes)
  const given = { ...(upstream && { upstream }), ...(rules && { rules }) }
  const mirror = createMirror({ ...context, network, policy, ...given })
  const federation = new Federation(context, { content, network, policy, peers })
  const { metrics } = mirror
  const cache = new Cache(context, { network, metrics, ...(upstream && { upstream }) })
  const contents = new Contents(context, { content, mirror, federation, cache })
  return { network, mirror, metrics, federation, cache, contents }
}

/** What brings packages here before anybody asks for them. */
function createProvisions(
  context: Context,
  parts: {
    packages: Packages
    documents: Documents
    mirror: Mirror
    content: ContentStore
    contents: Contents
    keys: Keys
  },
) {
  return {
    repair: new Repair(context, parts),
    bundles: new Bundles(context, parts),
    prefetch: new Prefetch(context, parts),
    policy: parts.mirror.policy,
    metrics: parts.mirror.metrics,
  }
}

/** Accounts and the ways into them. */
function createPeople(context: Context, sealer: Sealer) {
  const accounts = new Accounts(context)
  return {
    accounts,
    sessions: new Sessions(context),
    logins: new Logins(context),
    signUp: new SignUp(context, accounts),
    identities: new Identities(context, { accounts, sealer }),
    twoFactor: new TwoFactor(context, sealer),
    passkeys: new Passkeys(context, accounts),
    audit: new Audit(context),
  }
}

export type { Spool }
