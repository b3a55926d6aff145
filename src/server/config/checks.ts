import type { Config } from './options.ts'

const STRONG = 32
/** What people leave behind when they copy an example, the original's own among them. */
const EXAMPLE = /_here$|example|change.?me|placeholder|your.?(?:own|secret|password)|^(.)\1*$/i

/** What no option can tell alone: one sentence for each mistake. Options that could not be read are absent. */
export function checkTogether(config: Partial<Config>): string[] {
  return [...checkGithub(config), ...checkSecrets(config)]
}

function checkGithub({ oauthGithubClient: client, oauthGithubSecret: secret }: Partial<Config>): string[] {
  if ((client === undefined) === (secret === undefined)) return []
  const [given, missing] = client
    ? ['OAUTH_GITHUB_CLIENT', 'OAUTH_GITHUB_SECRET']
    : ['OAUTH_GITHUB_SECRET', 'OAUTH_GITHUB_CLIENT']
  return [`${given} is set without ${missing}: give both or neither.`]
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
