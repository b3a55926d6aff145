import { randomUUID } from 'node:crypto'
import { inject } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { openS3, type S3Driver } from '../../src/storage/blobs/s3.ts'
import type { S3Address } from '../../src/storage/blobs/s3-client.ts'
import { S3Client } from '../../src/storage/blobs/s3-client.ts'
import { S3_KEYS, S3_REGION } from './swift.ts'

/** A fresh, empty bucket of the test run's S3 storage. `endpoint` may be another way to the same storage. */
export async function s3Address(endpoint = inject('s3').url): Promise<S3Address> {
  const { url, missing } = inject('s3')
  if (!url || !endpoint) throw new Error(missing)
  const bucket = `test-${randomUUID()}`
  const common = { bucket, region: S3_REGION, ...S3_KEYS, pathStyle: true, prefix: 'some/where/' }
  const client = new S3Client({ endpoint: url, ...common })
  const made = await client.send({ method: 'PUT' })
  await made?.body.dump()
  await client.close()
  return { endpoint, ...common }
}

/** A driver over a bucket of its own. */
export async function s3Driver(endpoint?: string): Promise<S3Driver> {
  return openS3({ address: await s3Address(endpoint), log: silentLog })
}
