import { www } from '../../http/local.ts'
import { type Html, html } from '../html.ts'
import { ACCOUNT, TOKENS } from '../paths.ts'

const TABS = {
  account: { path: ACCOUNT, title: 'Account' },
  tokens: { path: TOKENS, title: 'Tokens' },
  security: { path: www('account', 'second-factor'), title: 'Second factor' },
  webhooks: { path: www('webhooks'), title: 'Webhooks' },
  staged: { path: www('staged'), title: 'Staged versions' },
  invitations: { path: www('invitations'), title: 'Invitations' },
  log: { path: www('account', 'log'), title: 'Log' },
} as const

/** The way between one's own pages. */
export function accountTabs(current: keyof typeof TABS): Html {
  return html`<nav class="tabs" aria-label="Your account">${Object.entries(TABS).map(
    ([key, { path, title }]) =>
      html`<a href="${path}"${key === current && html` aria-current="page"`}>${title}</a>`,
  )}</nav>`
}
