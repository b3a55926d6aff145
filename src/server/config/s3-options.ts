import * as kind from './kinds.ts'
import { option, optional } from './option.ts'

const bucket: kind.Kind<string> = {
  allowed: 'lower-case letters, digits, dots and hyphens, 3 to 63 of them',
  read: (it) => (/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(it) ? it : undefined),
}

const prefix: kind.Kind<string> = {
  allowed: 'letters, digits, dots, hyphens and underscores, with slashes between them',
  read: (it) => (/^[\w.-]+(?:\/[\w.-]+)*\/?$/.test(it) ? `${it.replace(/\/$/, '')}/` : undefined),
}

const endpoint: kind.Kind<string> = {
  allowed: 'an http:// or https:// address without path',
  read(it, cwd) {
    const address = kind.webAddress.read(it, cwd)
    return address !== undefined && new URL(address).pathname === '/' ? address : undefined
  },
}

/** Blobs in S3-compatible storage instead of the data folder. */
export const s3Options = {
  s3Bucket: optional(bucket, {
    env: 'S3_BUCKET',
    otherwise: 'blobs lie in the data folder',
    about: 'Bucket to keep blobs in, of S3 or a storage that speaks like it',
  }),
  s3Endpoint: optional(endpoint, {
    env: 'S3_ENDPOINT',
    otherwise: "Amazon's of the region",
    about: 'Address of the S3-compatible storage',
  }),
  s3Region: option(kind.text, {
    env: 'S3_REGION',
    fallback: 'us-east-1',
    about: 'Region of the bucket',
  }),
  s3AccessKeyId: optional(kind.text, {
    env: 'S3_ACCESS_KEY_ID',
    otherwise: 'none',
    about: 'Key that may list the bucket and read, write and delete in it',
  }),
  s3SecretAccessKey: optional(kind.text, {
    env: 'S3_SECRET_ACCESS_KEY',
    otherwise: 'none',
    about: 'Secret of that key',
    secret: 'whole',
  }),
  s3PathStyle: option(kind.yesNo, {
    env: 'S3_PATH_STYLE',
    fallback: (of) => String(of('S3_ENDPOINT') !== undefined),
    otherwise: 'true with an S3_ENDPOINT, else false',
    about: 'Name the bucket in the path of addresses instead of in their host',
  }),
  s3Prefix: optional(prefix, {
    env: 'S3_PREFIX',
    otherwise: 'none',
    about: 'What the names of all our objects begin with',
  }),
  s3Ca: optional(kind.folder, {
    env: 'S3_CA',
    otherwise: "the system's certificates alone",
    about: 'File with certificates (PEM) to trust too when the storage shows its own',
  }),
  s3Cache: option(kind.size, {
    env: 'S3_CACHE',
    fallback: '10gb',
    about: 'Most bytes of copies of what lies in S3 to keep in the data folder',
  }),
  s3Redirect: option(kind.yesNo, {
    env: 'S3_REDIRECT',
    fallback: 'false',
    about: 'Send clients to S3 for tarballs, by addresses that hold for five minutes',
  }),
} as const
