import type { Context } from 'koa'
import { DEPENDENCY_FIELDS, type DependencyField, type PackageHead } from '../../../registry/model.ts'
import { type Overview, overviewOf } from '../../../registry/overview.ts'
import { asObject } from '../../../registry/upstream-document.ts'
import type { WebDoor } from '../door.ts'
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { count } from '../parts.ts'
import { packagePath } from '../paths.ts'
import { packageFrame } from './frame.ts'

const TITLES: Readonly<Record<DependencyField, string>> = {
  dependencies: 'Needs',
  peerDependencies: 'Wants beside it',
  optionalDependencies: 'Can do without',
  devDependencies: 'Needs for its development',
}
const SHOWN = 500

/** `…/dependencies`: what a version depends on, and who depends on the package. */
export async function dependenciesPage(
  ctx: Context,
  { registry }: WebDoor,
  { head, version }: { head: PackageHead; version?: string },
): Promise<void> {
  const [overview, dependents] = await Promise.all([
    overviewOf(registry, head, version),
    registry.discovery.dependents(ctx.state.who, head),
  ])
  const sections = DEPENDENCY_FIELDS.map((field) => section(field, overview))
  const body = html`<div class="columns"><div>
<h2>Dependencies</h2>
${sections.some((it) => it !== undefined) ? sections : html`<p class="soft">None. It stands on its own.</p>`}
</div><div>
<h2>Dependents</h2>
${dependents.length === 0 ? html`<p class="soft">No package published here depends on it.</p>` : list(dependents)}
</div></div>`
  await page(ctx, {
    title: `Dependencies of ${head.npmName}`,
    body: packageFrame(overview, 'dependencies', body),
  })
}

function section(field: DependencyField, { manifest }: Overview): Html | undefined {
  const entries = Object.entries(asObject(manifest[field]) ?? {})
  if (entries.length === 0) return undefined
  return html`<h3>${TITLES[field]}</h3>
<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">Package</th><th scope="col">Range</th></tr></thead><tbody>${entries
    .slice(0, SHOWN)
    .map(
      ([name, range]) =>
        html`<tr><th scope="row"><a class="mono" href="${packagePath(name)}">${name}</a></th><td class="mono">${String(range).slice(0, 200)}</td></tr>`,
    )}</tbody></table></div>
${entries.length > SHOWN && html`<p class="soft">And ${entries.length - SHOWN} more.</p>`}`
}

function list(heads: readonly PackageHead[]): Html {
  return html`<p class="soft">${count(heads.length, 'package')} published here</p>
<ul>${heads
    .slice(0, SHOWN)
    .map(({ npmName }) => html`<li><a class="mono" href="${packagePath(npmName)}">${npmName}</a></li>`)}</ul>`
}
