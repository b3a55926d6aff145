import { codeOf, networkTrouble, Unusable } from '../unusable.ts'

/** No answer came. */
export class S3Unreachable extends Error {
  constructor(endpoint: string, cause: unknown) {
    super(`The S3 storage at ${endpoint} does not answer`, { cause })
  }

  get canPass(): boolean {
    return !codeOf(this.cause).includes('TIMEOUT')
  }
}

/** An answer that is neither success nor "not here". */
export class S3Refusal extends Error {
  readonly status: number
  /** S3's own word for it, such as NoSuchBucket; empty when it gave none. */
  readonly code: string

  constructor(status: number, body: string) {
    const code = /<Code>(\w+)<\/Code>/.exec(body)?.[1] ?? ''
    const why = /<Message>([^<]*)<\/Message>/.exec(body)?.[1] ?? ''
    super(`The S3 storage answered ${[String(status), code, why].filter(Boolean).join(' ')}`)
    this.status = status
    this.code = code
  }

  /** Whether the same request may succeed later. */
  get canPass(): boolean {
    return (
      this.status === 429 || (this.status >= 500 && this.status !== 501) || this.code === 'RequestTimeout'
    )
  }
}

const SENTENCES: Readonly<Record<string, string>> = {
  NoSuchBucket: 'there is no such bucket; make it first, or mend S3_BUCKET',
  InvalidBucketName: 'S3_BUCKET is no valid name of a bucket',
  InvalidAccessKeyId: 'it does not know S3_ACCESS_KEY_ID',
  SignatureDoesNotMatch: 'S3_ACCESS_KEY_ID or S3_SECRET_ACCESS_KEY is wrong',
  AccessDenied: 'the key may not list, read or write the bucket',
  RequestTimeTooSkewed: "this machine's clock differs too much from the storage's; set the clock",
  AuthorizationHeaderMalformed: 'S3_REGION is not the region of the bucket',
  PermanentRedirect: 'the bucket is at another endpoint; mend S3_ENDPOINT or S3_REGION',
}

/** The first request failed; the message says what the owner of the machine must mend. */
export class S3Unusable extends Unusable {
  constructor(where: string, cause: unknown) {
    super(`Cannot use ${where}: ${sentenceOf(cause)}.`, { cause })
  }
}

function sentenceOf(error: unknown): string {
  if (error instanceof S3Refusal) return SENTENCES[error.code] ?? error.message
  if (!(error instanceof S3Unreachable)) return String(error)
  return networkTrouble(error.cause, { address: 'S3_ENDPOINT', ca: 'S3_CA' })
}
