import type { Context } from 'koa'
import { type Fault, isFault } from '../../../base/fault.ts'
import { LOCK_FILES, readLockFile, type Wishes } from '../../../registry/lockfiles.ts'
import type { Outcome, Platform } from '../../../registry/prefetch.ts'
import type { WebDoor } from '../door.ts'
import { type Html, html, type Part } from '../html.ts'
import { growingPage } from '../layout.ts'
import { count, size } from '../parts.ts'
import { formKey, readUpload } from '../session.ts'
import { administrator, adminPage, adminTitle, figures, PREFETCH, tabs } from './frame.ts'

/** Bytes of a form; the lock files of the largest monorepos have some megabytes. */
const LIMIT = 32_000_000
const MOST_SHOWN = 500

type Wanted = Wishes & { readonly file: string; readonly platform: Platform }

/** `GET /www/admin/prefetch`: where a lock file is given in. */
export async function prefetchPage(ctx: Context, door: WebDoor): Promise<void> {
  await administrator(ctx, door)
  await adminPage(ctx, 'mirror', form(ctx))
}

/** `POST /www/admin/prefetch`: fetches what the file asks for, and tells on the way how far it is. */
export async function prefetchFile(ctx: Context, door: WebDoor): Promise<void> {
  await administrator(ctx, door)
  const wanted = await readWanted(ctx).catch((error: unknown) => {
    if (isFault(error, 'BAD_REQUEST', 'TOO_LARGE')) return error
    throw error
  })
  if (isFault(wanted)) return refuse(ctx, wanted)
  await growingPage(ctx, adminTitle('mirror'), async (say) => {
    say(html`<h1>Administration</h1>${tabs('mirror')}<h2>Fetching for ${wanted.file}</h2><div class="steps">`)
    const outcomes = await fetchAll(door, wanted, say)
    return html`</div>${summary(outcomes, wanted.elsewhere)}<p><a href="${PREFETCH}">Another file</a></p>`
  })
}

async function refuse(ctx: Context, fault: Fault): Promise<void> {
  await adminPage(
    ctx,
    'mirror',
    html`<div class="note bad" role="alert"><p>${fault.message}</p></div>${form(ctx)}`,
  )
  ctx.status = fault.status
}

/** BAD_REQUEST, TOO_LARGE; FORBIDDEN for a form that was not ours. */
async function readWanted(ctx: Context): Promise<Wanted> {
  const fields = await readUpload(ctx, LIMIT)
  const file = fields.get('file')
  const [name, text] = file instanceof File ? [file.name, await file.text()] : ['', '']
  const list = (field: string) => `${fields.get(field) ?? ''}`.split(/[\s,]+/).filter((it) => it !== '')
  return { ...readLockFile(name, text), file: name, platform: { os: list('os'), cpu: list('cpu') } }
}

/** Says where it is at every hundredth of the way. */
async function fetchAll(
  { registry }: WebDoor,
  { wishes, platform }: Wanted,
  say: (part: Html) => void,
): Promise<Outcome[]> {
  let done = 0
  let told = -1
  const onOutcome = (_: Outcome, known: number) => {
    const share = Math.floor((100 * ++done) / known)
    if (share === told) return
    told = share
    say(
      html`<p class="step"><label>${done} of ${known} <progress max="${known}" value="${done}"></progress></label></p>`,
    )
  }
  return registry.prefetch.run({ wishes, platform, onOutcome })
}

function summary(outcomes: readonly Outcome[], elsewhere: readonly string[]): Html {
  const of = (kind: Outcome['kind']) => outcomes.filter((it) => it.kind === kind)
  const bytes = (kind: Outcome['kind']) => size(of(kind).reduce((sum, it) => sum + it.bytes, 0))
  const missing = outcomes.flatMap((it) => (it.kind === 'missing' ? [it] : []))
  return html`${
    missing.length === 0
      ? html`<div class="note good" role="status"><p>Everything is here now.</p></div>`
      : html`<div class="note bad" role="status"><p>${count(missing.length, 'package')} could not be had.</p></div>`
  }
${figures([
  ['Fetched', of('fetched').length, bytes('fetched')],
  ['Stored already', of('stored').length, bytes('stored')],
  ['Published here', of('own').length],
  ['For other platforms', of('skipped').length, 'left out'],
])}
${
  missing.length > 0 &&
  named(
    'Missing',
    missing.map(({ spec, why }) => html`<strong>${spec}</strong>: ${why}`),
  )
}
${elsewhere.length > 0 && named('Left out, from no registry', elsewhere)}`
}

function named(title: string, all: readonly Part[]): Html {
  const rest = all.length - MOST_SHOWN
  return html`<h2 class="later">${title}</h2><ul>${all
    .slice(0, MOST_SHOWN)
    .map(
      (it) => html`<li class="break">${it}</li>`,
    )}${rest > 0 && html`<li>and ${count(rest, 'other')}</li>`}</ul>`
}

function form(ctx: Context): Html {
  return html`<h2>Fetch ahead</h2>
<p>Give in the lock file of a project: all that it installs is fetched, so that it can be installed without the upstream.</p>
<form class="card drop" method="post" action="${PREFETCH}" enctype="multipart/form-data" data-drop>
${formKey(ctx)}
<div class="field"><label for="file">Lock file</label><input id="file" name="file" type="file" required>
<small class="soft">Choose it or drop it here: ${LOCK_FILES.join(', ')}; at most ${size(LIMIT)}.</small></div>
<div class="field"><label for="os">Only for systems</label><input id="os" name="os" placeholder="linux, darwin" autocomplete="off" autocapitalize="none" spellcheck="false"></div>
<div class="field"><label for="cpu">Only for processors</label><input id="cpu" name="cpu" placeholder="x64, arm64" autocomplete="off" autocapitalize="none" spellcheck="false"></div>
<button>Fetch</button>
</form>`
}
