import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { minutes, seconds } from '../../src/base/time.ts'
import { newBucket, startSwift } from '../support/swift.ts'
import type { Replicas } from './replicas.ts'
import { acknowledgedBy, weather } from './storm.ts'

// npm run chaos -- --publishers 64 --minutes 3 [--s3]
const { values } = parseArgs({
  options: {
    publishers: { type: 'string', default: '64' },
    packages: { type: 'string', default: '16' },
    minutes: { type: 'string', default: '3' },
    every: { type: 'string', default: '10' },
    s3: { type: 'boolean', default: false },
  },
})
const every = seconds(Number(values.every))
const rounds = Math.floor(minutes(Number(values.minutes)) / every)
let killed = 0

/** A replica dies each round; Redis goes and comes a third of the way, Postgres two thirds. */
async function trouble({ all, redis, postgres }: Replicas): Promise<void> {
  for (let round = 1; round <= rounds; round++) {
    await wait(every)
    const replica = all[round % all.length]
    await replica?.kill()
    killed += 1
    if (round === Math.ceil(rounds / 3)) await redis.restart()
    if (round === Math.ceil((2 * rounds) / 3)) await postgres.restart()
    await replica?.start()
  }
}

const swift = values.s3 ? await startSwift() : undefined
const { ledger, verdict } = await weather({
  s3: swift && (await newBucket(swift.url)),
  publishers: Number(values.publishers),
  packages: Number(values.packages),
  trouble,
})
await swift?.stop()
const { versions, ...wrongs } = verdict
console.table({
  acknowledged: acknowledgedBy(ledger),
  'versions there': versions,
  'replicas killed': killed,
  'requests repeated': ledger.repeated,
  'lost races for a version': ledger.refused,
  'wrong answers': ledger.wrong.length,
  lost: verdict.lost.length,
  duplicated: verdict.duplicated.length,
  'wrong tags': verdict.wrongTags.length,
  'half visible': verdict.broken.length,
  'APIs or feed disagree': verdict.disagreements.length,
})
const complaints = [...ledger.wrong, ...Object.values(wrongs).flat()]
for (const complaint of complaints.slice(0, 50)) console.log(complaint)
process.exitCode = complaints.length === 0 ? 0 : 1
