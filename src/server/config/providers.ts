import type { ProviderConfig } from '../web/account/providers.ts'
import type { Config } from './options.ts'

const GITHUB = 'https://github.com'

/** The login providers that are configured, in the order of their buttons. */
export function providersOf(config: Config): ProviderConfig[] {
  const { oauthGithubClient, oauthGithubSecret, oauthGithubUrl: site } = config
  const github = named('github', 'GitHub', { client: oauthGithubClient, secret: oauthGithubSecret })
  // A GitHub Enterprise Server has its API under its own address.
  const api = site === GITHUB ? 'https://api.github.com' : `${site}/api/v3`
  return [...(github ? [{ ...github, kind: 'github' as const, site, api }] : []), ...issuersOf(config)]
}

function issuersOf(config: Config): ProviderConfig[] {
  const gitlab = { client: config.oauthGitlabClient, secret: config.oauthGitlabSecret }
  const google = { client: config.oauthGoogleClient, secret: config.oauthGoogleSecret }
  const microsoft = { client: config.oauthMicrosoftClient, secret: config.oauthMicrosoftSecret }
  const other = { client: config.oauthOidcClient, secret: config.oauthOidcSecret }
  const tenant = encodeURIComponent(config.oauthMicrosoftTenant)
  const rows = [
    [named('gitlab', 'GitLab', gitlab), config.oauthGitlabUrl],
    [named('google', 'Google', google), 'https://accounts.google.com'],
    [named('microsoft', 'Microsoft', microsoft), `https://login.microsoftonline.com/${tenant}/v2.0`],
    [named('oidc', config.oauthOidcTitle, other), config.oauthOidcIssuer],
  ] as const
  return rows.flatMap(([provider, issuer]) =>
    provider && issuer !== undefined ? [{ ...provider, kind: 'oidc' as const, issuer }] : [],
  )
}

function named(id: string, title: string, keys: { client: string | undefined; secret: string | undefined }) {
  const { client, secret } = keys
  return client === undefined || secret === undefined ? undefined : { id, title, client, secret }
}
