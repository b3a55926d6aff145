import { describe } from 'vitest'
import { blobStoreSuite } from '../../conformance/blob-store.ts'
import { blobDriverSuite } from '../../conformance/blobs.ts'
import { s3Driver } from '../../support/s3.ts'
import { missing } from '../../support/services.ts'

describe.skipIf(missing.s3)(missing.s3 ?? 'S3', () => {
  blobDriverSuite('s3', () => s3Driver())
  blobStoreSuite('s3', () => s3Driver())
})
