import { join } from 'node:path'
import { describe } from 'vitest'
import { silentLog } from '../../../src/base/log.ts'
import { CachedDriver } from '../../../src/storage/blobs/cached.ts'
import { DiskDriver } from '../../../src/storage/blobs/disk.ts'
import { blobStoreSuite } from '../../conformance/blob-store.ts'
import { blobDriverSuite } from '../../conformance/blobs.ts'
import { s3Driver } from '../../support/s3.ts'
import { missing } from '../../support/services.ts'

describe.skipIf(missing.s3)(missing.s3 ?? 'S3', () => {
  blobDriverSuite('s3', () => s3Driver())
  blobStoreSuite('s3', () => s3Driver())
  blobDriverSuite('s3 with copies on disk', s3WithCopies)
  blobStoreSuite('s3 with copies on disk', s3WithCopies)
})

async function s3WithCopies(folder: string) {
  const disk = new DiskDriver(join(folder, 'copies'))
  const parts = { disk, spool: join(folder, 'spool'), budget: 2 ** 30, log: silentLog }
  return new CachedDriver(await s3Driver(), parts)
}
