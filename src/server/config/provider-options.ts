import * as kind from './kinds.ts'
import { option, optional } from './option.ts'

/** Accounts elsewhere that one can log in with. */
export const providerOptions = {
  oauthGithubClient: optional(kind.text, {
    env: 'OAUTH_GITHUB_CLIENT',
    otherwise: 'no login by GitHub',
    about: 'Client id of the GitHub OAuth app for logging in',
  }),
  oauthGithubSecret: optional(kind.text, {
    env: 'OAUTH_GITHUB_SECRET',
    otherwise: 'no login by GitHub',
    about: 'Client secret of the GitHub OAuth app',
    secret: 'whole',
  }),
  oauthGithubUrl: option(kind.webAddress, {
    env: 'OAUTH_GITHUB_URL',
    fallback: 'https://github.com',
    about: 'The GitHub to log in with, for those who have one of their own',
  }),
  oauthGitlabClient: optional(kind.text, {
    env: 'OAUTH_GITLAB_CLIENT',
    otherwise: 'no login by GitLab',
    about: 'Client id for logging in with GitLab',
  }),
  oauthGitlabSecret: optional(kind.text, {
    env: 'OAUTH_GITLAB_SECRET',
    otherwise: 'no login by GitLab',
    about: 'Client secret for GitLab',
    secret: 'whole',
  }),
  oauthGitlabUrl: option(kind.webAddress, {
    env: 'OAUTH_GITLAB_URL',
    fallback: 'https://gitlab.com',
    about: 'The GitLab to log in with, for those who have one of their own',
  }),
  oauthGoogleClient: optional(kind.text, {
    env: 'OAUTH_GOOGLE_CLIENT',
    otherwise: 'no login by Google',
    about: 'Client id for logging in with Google',
  }),
  oauthGoogleSecret: optional(kind.text, {
    env: 'OAUTH_GOOGLE_SECRET',
    otherwise: 'no login by Google',
    about: 'Client secret for Google',
    secret: 'whole',
  }),
  oauthMicrosoftClient: optional(kind.text, {
    env: 'OAUTH_MICROSOFT_CLIENT',
    otherwise: 'no login by Microsoft',
    about: 'Client id for logging in with Microsoft',
  }),
  oauthMicrosoftSecret: optional(kind.text, {
    env: 'OAUTH_MICROSOFT_SECRET',
    otherwise: 'no login by Microsoft',
    about: 'Client secret for Microsoft',
    secret: 'whole',
  }),
  oauthMicrosoftTenant: option(kind.text, {
    env: 'OAUTH_MICROSOFT_TENANT',
    fallback: 'common',
    about: 'Whose Microsoft accounts may log in: a tenant id, organizations, consumers or common',
  }),
  oauthOidcClient: optional(kind.text, {
    env: 'OAUTH_OIDC_CLIENT',
    otherwise: 'no login by another issuer',
    about: 'Client id for logging in with any OpenID Connect issuer',
  }),
  oauthOidcSecret: optional(kind.text, {
    env: 'OAUTH_OIDC_SECRET',
    otherwise: 'no login by another issuer',
    about: 'Client secret for that issuer',
    secret: 'whole',
  }),
  oauthOidcIssuer: optional(kind.webAddress, {
    env: 'OAUTH_OIDC_ISSUER',
    otherwise: 'no login by another issuer',
    about: 'Address of that issuer, as it describes itself under /.well-known',
  }),
  oauthOidcTitle: option(kind.text, {
    env: 'OAUTH_OIDC_TITLE',
    fallback: 'single sign-on',
    about: 'What the button for that issuer says after "Log in with"',
  }),
} as const
