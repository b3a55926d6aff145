import type { S3Address } from '../../src/storage/blobs/s3-client.ts'
import { NpmUser } from '../support/npm-user.ts'
import { makeToken } from '../support/server-process.ts'
import { check, type Verdict } from './checker.ts'
import { emptyLedger, type Ledger, publish } from './publishers.ts'
import { type Replicas, startReplicas } from './replicas.ts'

export type Storm = {
  readonly publishers: number
  readonly packages: number
  /** Where blobs lie; absent: in a folder that all replicas share. */
  readonly s3?: S3Address | undefined
  /** What goes wrong meanwhile; publishing ends when it resolves. */
  readonly trouble: (replicas: Replicas, ledger: Ledger) => Promise<void>
}

const REPLICAS = 3

/** Publishers at work while replicas and what they stand on go down and come back; then all is read back. */
export async function weather({
  publishers,
  packages,
  s3,
  trouble,
}: Storm): Promise<{ ledger: Ledger; verdict: Verdict }> {
  await using replicas = await startReplicas(REPLICAS, s3)
  const user = new NpmUser(replicas.url, 'kim', await makeToken(replicas.folder, 'kim', replicas.environment))
  const ledger = emptyLedger()
  let over = false
  const work = Array.from({ length: publishers }, (_, id) =>
    publish(user, { id, name: `@kim/box-${id % packages}`, ledger, over: () => over }),
  )
  try {
    await Promise.race([trouble(replicas, ledger), Promise.all(work)])
  } finally {
    over = true
  }
  await Promise.all(work)
  return { ledger, verdict: await check(user, ledger) }
}

export function acknowledgedBy({ acknowledged }: Ledger): number {
  return [...acknowledged.values()].reduce((sum, versions) => sum + versions.size, 0)
}
