import { inject } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { openS3, type S3Driver } from '../../src/storage/blobs/s3.ts'
import type { S3Address } from '../../src/storage/blobs/s3-client.ts'
import { newBucket } from './swift.ts'

/** A fresh, empty bucket of the test run's S3 storage. `endpoint` may be another way to the same storage. */
export async function s3Address(endpoint = inject('s3').url): Promise<S3Address> {
  const { url, missing } = inject('s3')
  if (!url || !endpoint) throw new Error(missing)
  return { ...(await newBucket(url)), endpoint }
}

/** A driver over a bucket of its own. */
export async function s3Driver(endpoint?: string): Promise<S3Driver> {
  return openS3({ address: await s3Address(endpoint), log: silentLog })
}
