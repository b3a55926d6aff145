import { AUDIT_PAGE, type AuditEntry } from '../../registry/audit.ts'
import type { Local } from '../http/local.ts'
import { type Html, html } from './html.ts'
import { moment } from './parts.ts'

/** Entries of the log, newest first; `older` is the page with those before an entry. */
export function auditTable(entries: readonly AuditEntry[], older: (before: number) => Local): Html {
  const oldest = entries.length === AUDIT_PAGE ? entries.at(-1)?.seq : undefined
  if (entries.length === 0)
    return html`<div class="empty"><h2>Nothing to tell</h2><p>Nothing like this happened.</p></div>`
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Log"><table class="log"><thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">To</th><th scope="col">From</th></tr></thead>
<tbody>${entries.map(row)}</tbody></table></div>
${oldest !== undefined && html`<nav class="pages" aria-label="Pages"><span></span><a rel="next" href="${older(oldest)}">Older</a></nav>`}`
}

function row({ at, actor, action, subject, address, detail }: AuditEntry): Html {
  return html`<tr><td>${moment(at)}</td><td>${actor ?? html`<span class="soft">nobody</span>`}</td><td class="mono">${action}</td>
<td>${subject} <span class="small soft">${told(detail)}</span></td><td class="mono">${address || html`<span class="soft">this machine</span>`}</td></tr>`
}

/** What else was noted, in words; not who did it, which stands beside it, nor ids, which tell people nothing. */
function told(detail: object): string {
  return Object.entries(detail)
    .filter(([name, value]) => !['by', 'id'].includes(name) && `${value}` !== '')
    .map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(', ') : value}`)
    .join('; ')
    .slice(0, 300)
}

/** The entry that a page goes on from; nonsense is none. */
export function beforeOf(text: unknown): { before?: number } {
  const before = Number(text)
  return Number.isSafeInteger(before) && before > 0 ? { before } : {}
}
