import type { Config } from './options.ts'

const STRONG = 32
/** What people leave behind when they copy an example, the original's own among them. */
const EXAMPLE = /_here$|example|change.?me|placeholder|your.?(?:own|secret|password)|^(.)\1*$/i

/** What no option can tell alone: one sentence for each mistake. Options that could not be read are absent. */
export function checkTogether(config: Partial<Config>): string[] {
  return [...checkProviders(config), ...checkS3(config), ...checkSecrets(config)]
}

function checkProviders(config: Partial<Config>): string[] {
  return [
    ...together({
      OAUTH_GITHUB_CLIENT: config.oauthGithubClient,
      OAUTH_GITHUB_SECRET: config.oauthGithubSecret,
    }),
    ...together({
      OAUTH_GITLAB_CLIENT: config.oauthGitlabClient,
      OAUTH_GITLAB_SECRET: config.oauthGitlabSecret,
    }),
    ...together({
      OAUTH_GOOGLE_CLIENT: config.oauthGoogleClient,
      OAUTH_GOOGLE_SECRET: config.oauthGoogleSecret,
    }),
    ...together({
      OAUTH_MICROSOFT_CLIENT: config.oauthMicrosoftClient,
      OAUTH_MICROSOFT_SECRET: config.oauthMicrosoftSecret,
    }),
    ...together({
      OAUTH_OIDC_CLIENT: config.oauthOidcClient,
      OAUTH_OIDC_SECRET: config.oauthOidcSecret,
      OAUTH_OIDC_ISSUER: config.oauthOidcIssuer,
    }),
  ]
}

/** The most that S3 takes in one piece, which is how blobs are sent. */
const S3_MOST = 5 * 2 ** 30

function checkS3(config: Partial<Config>): string[] {
  const large =
    config.s3Bucket !== undefined && Math.max(config.maxTarball ?? 0, config.maxPublish ?? 0) > S3_MOST
  return [
    ...together({
      S3_BUCKET: config.s3Bucket,
      S3_ACCESS_KEY_ID: config.s3AccessKeyId,
      S3_SECRET_ACCESS_KEY: config.s3SecretAccessKey,
    }),
    ...(large ? ['MAX_TARBALL and MAX_PUBLISH can be at most 5gb where blobs are kept in S3.'] : []),
  ]
}

/** Options that mean something only all together. */
function together(options: Readonly<Record<string, string | undefined>>): string[] {
  const given = Object.keys(options).filter((env) => options[env] !== undefined)
  const missing = Object.keys(options).filter((env) => options[env] === undefined)
  if (given.length === 0 || missing.length === 0) return []
  const advice = given.length + missing.length === 2 ? 'give both or neither' : 'give all or none'
  return [`${given.join(' and ')} is set without ${missing.join(' and ')}: ${advice}.`]
}

function checkSecrets(config: Partial<Config>): string[] {
  if (config.nodeEnv !== 'production') return []
  const keys = { SESSION_SECRET: config.sessionSecret, OAUTH_PASSWORD: config.oauthPassword }
  const short = Object.entries(keys)
    .filter(([, value]) => value !== undefined && value.length < STRONG)
    .map(([env]) => `${env} is too short: in production it has ${STRONG} characters or more.`)
  const examples = Object.entries({ ...keys, OAUTH_GITHUB_SECRET: config.oauthGithubSecret })
    .filter(([, value]) => value !== undefined && EXAMPLE.test(value))
    .map(([env]) => `${env} is an example: in production it must be your own.`)
  return [...short, ...examples]
}
