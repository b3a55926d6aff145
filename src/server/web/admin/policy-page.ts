import type { Context } from 'koa'
import { type Fault, isFault } from '../../../base/fault.ts'
import { iso } from '../../../base/time.ts'
import type { PolicyRules, Verdict } from '../../../registry/policy.ts'
import type { Withdrawn } from '../../../registry/stats.ts'
import { explain } from '../../../registry/verdicts.ts'
import type { WebDoor } from '../door.ts'
import { type Html, html, type Part } from '../html.ts'
import { lengthOf, moment } from '../parts.ts'
import { administrator, adminPage, adminPath } from './frame.ts'

const MOST_WITHDRAWN = 50

/** `/www/admin/policy`, and `?spec=name@version` to ask about one: which mirrored versions may be installed. */
export async function policyPage(ctx: Context, door: WebDoor): Promise<void> {
  const caller = await administrator(ctx, door)
  const { policy, stats } = door.registry
  const spec = `${ctx.query.spec ?? ''}`.trim().slice(0, 500)
  const body = html`<h2>May this be installed?</h2>
<form class="line card" action="${adminPath('policy')}">
<div><label for="spec">Package and version</label><input id="spec" name="spec" value="${spec}" placeholder="name@1.0.0" required autocomplete="off" autocapitalize="none" spellcheck="false"></div>
<button>Ask</button>
</form>
${spec !== '' && (await answer(door, spec))}
<h2 class="later">The rules</h2>
<p>For what is mirrored from upstream, in this order; the first that decides, decides. What is published here is not judged.</p>
${rulesTable(policy.rules)}
<p class="soft">Rules are options of the server: set them in its environment or its <code>.env</code> file and start it anew. Every rule is <code>name</code>, <code>@scope/*</code>, <code>name@range</code>, <code>licence:GPL-*</code>, <code>install-script:*</code> or <code>misnamed:*</code>.</p>
${withdrawnTable(await stats.withdrawn(caller, MOST_WITHDRAWN))}`
  await adminPage(ctx, 'policy', body)
}

async function answer({ registry }: WebDoor, spec: string): Promise<Html> {
  const found = await explain(registry, spec).catch((error: unknown) => {
    if (isFault(error)) return error
    throw error
  })
  return html`<div role="status">${isFault(found) ? cannotTell(found) : said(spec, found)}</div>`
}

function said(spec: string, { allowed, why }: Verdict): Html {
  return html`<div class="note ${allowed ? 'good' : 'bad'}"><p><strong class="break">${spec} is ${allowed ? 'allowed' : 'withheld'}:</strong> ${why}.</p></div>`
}

function cannotTell({ message }: Fault): Html {
  return html`<div class="note warn"><p>${message}</p></div>`
}

function rulesTable(rules: PolicyRules): Html {
  const { block, allow, advisories, freeze, minimumAge, exempt, fixesAtOnce } = rules
  const idle = none('does not matter while nothing is held back')
  const fixes = minimumAge === undefined ? idle : fixesAtOnce ? 'seen at once' : 'held back too'
  const rows: [title: string, option: string, value: Part][] = [
    ['Blocked', 'POLICY_BLOCK', list(block) ?? none('nothing')],
    ['Allowed', 'POLICY_ALLOW', list(allow) ?? none('every package')],
    ['Advisories from', 'POLICY_ADVISORIES', advisories ?? none('none')],
    ['Frozen at', 'POLICY_FREEZE', freeze === undefined ? none('no date') : iso(freeze)],
    ['Held back for', 'MIN_RELEASE_AGE', minimumAge === undefined ? none('no time') : lengthOf(minimumAge)],
    ['Never held back', 'MIN_RELEASE_AGE_EXEMPT', list(exempt) ?? none('nothing')],
    ['What fixes a known hole', 'MIN_RELEASE_AGE_FIXES', fixes],
  ]
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Rules"><table><thead><tr><th scope="col">Rule</th><th scope="col">Is</th><th scope="col">Set by</th></tr></thead>
<tbody>${rows.map(([title, option, value]) => html`<tr><th scope="row">${title}</th><td>${value}</td><td class="mono">${option}</td></tr>`)}</tbody></table></div>`
}

function withdrawnTable(versions: readonly Withdrawn[]): Part {
  if (versions.length === 0) return ''
  return html`<h2 class="later">Withdrawn by upstream</h2>
<p>These are not handed out any more, and kept aside: whoever has them installed should look into it. At most the ${MOST_WITHDRAWN} noticed last are shown.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Withdrawn versions"><table><thead><tr><th scope="col">Version</th><th scope="col">Noticed</th></tr></thead>
<tbody>${versions.map(({ npmName, version, noticedAt }) => html`<tr><th scope="row" class="mono break">${npmName}@${version}</th><td>${moment(noticedAt)}</td></tr>`)}</tbody></table></div>`
}

function list(rules: readonly string[] | undefined): Html | undefined {
  if (rules === undefined || rules.length === 0) return undefined
  return html`<ul class="plain">${rules.map((rule) => html`<li class="mono break">${rule}</li>`)}</ul>`
}

const none = (word: string): Html => html`<span class="soft">${word}</span>`
