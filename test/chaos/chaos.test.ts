import { existsSync } from 'node:fs'
import { describe, expect, test, vi } from 'vitest'
import { s3Address } from '../support/s3.ts'
import { missing } from '../support/services.ts'
import { acknowledgedBy, weather } from './storm.ts'

const reason =
  missing.postgres ?? missing.redis ?? (existsSync('/usr/sbin/nginx') ? undefined : 'nginx is not installed')

const places = [
  { place: 'a folder', absent: undefined, s3: async () => undefined },
  { place: 'S3', absent: missing.s3, s3: () => s3Address() },
]

describe.each(places)('over $place', ({ absent, s3 }) => {
  const why = reason ?? absent
  const title = 'replicas die, Redis and Postgres restart, and no acknowledged publish is lost'
  test.skipIf(why)(`${title}${why ? ` – ${why}` : ''}`, { timeout: 120_000 }, async () => {
    const { ledger, verdict } = await weather({
      s3: await s3(),
      publishers: 6,
      packages: 2,
      async trouble({ all, redis, postgres }, told) {
        const more = async () => {
          const before = acknowledgedBy(told)
          await vi.waitUntil(() => acknowledgedBy(told) > before + 5, { timeout: 60_000 })
        }
        await more()
        await all[0]?.kill()
        await redis.restart()
        await more()
        await postgres.restart()
        await more()
        await all[0]?.start()
        await more()
      },
    })
    expect(ledger.wrong).toEqual([])
    expect(verdict).toMatchObject({ lost: [], duplicated: [], wrongTags: [], broken: [], disagreements: [] })
    expect(verdict.versions).toBeGreaterThanOrEqual(acknowledgedBy(ledger))
  })
})
