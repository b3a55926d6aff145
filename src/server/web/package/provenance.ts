import type { Context } from 'koa'
import { isFault } from '../../../base/fault.ts'
import type { Overview } from '../../../registry/overview.ts'
import { type Provenance, provenanceOf } from '../../../registry/provenance.ts'
import type { Registry } from '../../../registry/registry.ts'
import { type Html, html, link, type Part } from '../html.ts'

/** Where the version looked at says it was built, and how much of that was checked here; nothing for one that does not say. */
export async function provenance(
  ctx: Context,
  { attestations }: Registry,
  { head, shown }: Overview,
): Promise<Html | undefined> {
  if (!shown?.attested) return undefined
  try {
    const found = provenanceOf(await attestations.find(ctx.state.who, head.name, shown.version))
    return found && told(found, shown.integrity)
  } catch (error) {
    if (!isFault(error)) throw error
    return section('', html`<p class="small">Upstream has it, but it cannot be had now: ${error.message}</p>`)
  }
}

function told(provenance: Provenance, integrity: string | undefined): Html {
  const { repository, commit, workflow, build, builder, subjects } = provenance
  const rows: [string, Part][] = [
    ['Source', repository && address(repository)],
    ['Commit', commit && html`<span class="mono break">${commit}</span>`],
    ['Workflow', workflow && html`<span class="mono break">${workflow}</span>`],
    ['Build', build && address(build)],
    ['Built by', builder && html`<span class="break">${builder}</span>`],
  ]
  const isAboutThis = integrity !== undefined && subjects.some((hex) => sriOf(hex) === integrity)
  return section(
    isAboutThis ? 'note' : 'note bad',
    html`<dl class="facts small">${rows.map(([name, value]) => value && html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
<p class="small">${
      isAboutThis
        ? html`<strong>Checked here:</strong> the statement is about this very tarball.`
        : html`<strong>The statement is about another tarball than this one.</strong>`
    } <strong>Not checked here:</strong> who signed it. <code>npm audit signatures</code> does that.</p>`,
  )
}

function section(classes: string, body: Html): Html {
  return html`<section class="${classes}"><h2>Provenance</h2>${body}</section>`
}

function address(text: string): Html {
  const href = link(text)
  const shown = text.replace(/^https?:\/\//, '')
  return href
    ? html`<a class="break" href="${href}" rel="nofollow noopener noreferrer">${shown}</a>`
    : html`<span class="break">${shown}</span>`
}

/** As `integrity` spells a SHA-512 that comes in hex. */
function sriOf(hex: string): string {
  return `sha512-${Buffer.from(hex, 'hex').toString('base64')}`
}
