import type { Access } from './access.ts'
import type { Audit } from './audit.ts'
import type { Context } from './context.ts'
import { DownloadCounts } from './downloads.ts'
import type { Metrics } from './metrics.ts'
import { noUpstream } from './mirror/no-upstream.ts'
import type { Network } from './network.ts'
import type { Packages } from './packages.ts'
import type { Sealer } from './seal.ts'
import { Stats } from './stats.ts'
import { Tally } from './tally.ts'
import { Issuers, type IssuersOptions } from './trust/issuers.ts'
import { Trust } from './trust.ts'
import type { TwoFactor } from './two-factor.ts'
import { Courier, type CourierOptions, webhookGuard } from './webhooks/courier.ts'
import { Webhooks } from './webhooks.ts'

/** How the registry speaks with those who build packages, and those who want to hear of them. */
export type ServiceOptions = {
  /** Absent: no build server is believed. */
  readonly issuers?: IssuersOptions
  /** Absent: webhooks lead to public addresses alone. */
  readonly webhooks?: CourierOptions
}

type Parts = {
  readonly access: Access
  readonly packages: Packages
  readonly network: Network
  readonly sealer: Sealer
  readonly audit: Audit
  readonly metrics: Metrics
  readonly twoFactor: TwoFactor
}

const NOBODY: IssuersOptions = { issuers: [], connect: () => noUpstream }
const PUBLIC_ALONE: CourierOptions = { privateAddresses: false }

/** What is built around packages: counting, telling, and trusting builds. */
export function createServices(
  context: Context,
  parts: Parts,
  { issuers = NOBODY, webhooks = PUBLIC_ALONE }: ServiceOptions,
) {
  const { access, packages, network, metrics } = parts
  const guard = webhookGuard(webhooks)
  return {
    downloads: new DownloadCounts(context, packages),
    tally: new Tally(context, metrics),
    stats: new Stats(context, access),
    trust: new Trust(context, { ...parts, issuers: new Issuers(context, network, issuers) }),
    webhooks: new Webhooks(context, { ...parts, guard }),
    courier: new Courier(context, { ...parts, guard }),
  }
}
