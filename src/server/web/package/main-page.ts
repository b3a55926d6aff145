import type { Context } from 'koa'
import { LRUCache } from 'lru-cache'
import { installScripts } from '../../../registry/diff.ts'
import type { JsonObject, PackageHead } from '../../../registry/model.ts'
import { type Overview, overviewOf, readmeOf } from '../../../registry/overview.ts'
import type { Registry } from '../../../registry/registry.ts'
import { asObject } from '../../../registry/upstream-document.ts'
import type { WebDoor } from '../door.ts'
import { type Html, html, link } from '../html.ts'
import { page } from '../layout.ts'
import { day, size } from '../parts.ts'
import { namespacePath, packagePath, versionPath } from '../paths.ts'
import { downloadChart } from './download-chart.ts'
import { packageFrame } from './frame.ts'
import { provenance } from './provenance.ts'
import { fitReadme } from './readme.ts'

/** READMEs ready to be shown: rendering a long one takes as long as hundreds of other pages. */
const fitted = new LRUCache<string, Html>({
  maxSize: 16 * 2 ** 20,
  sizeCalculation: (readme) => readme.below('').length,
})

/** Tags shown beside the README; some packages have hundreds. */
const MOST_TAGS = 12

/** `/www/package/<name>` and `/www/package/<name>/v/<version>`: the README, and what to know beside it. */
export async function mainPage(
  ctx: Context,
  { registry }: WebDoor,
  { head, version }: { head: PackageHead; version?: string },
): Promise<void> {
  const overview = await overviewOf(registry, head, version)
  const [readme, maintainers, built, downloads] = await Promise.all([
    fittedReadme(registry, overview, ctx.state.base),
    registry.maintainers.list(ctx.state.who, head.name),
    provenance(ctx, registry, overview),
    registry.downloads.of(head, registry.downloads.period('last-month')),
  ])
  const { npmName } = head
  const title = version === undefined ? npmName : `${npmName} ${version}`
  const body = html`<div class="with-side">
  ${readme === undefined ? noReadme(overview) : html`<article class="readme" aria-label="README">${readme}</article>`}
  <aside class="side" aria-label="About this package">${facts(overview)}${downloadChart(downloads)}${built}${upkeepers(maintainers)}</aside>
</div>`
  await page(ctx, { title, body: packageFrame(overview, 'readme', body) })
}

async function fittedReadme(registry: Registry, overview: Overview, base: string): Promise<Html | undefined> {
  const { head, shown } = overview
  if (!shown) return undefined
  const { version } = shown
  const key = `${base} ${head.id}@${version} ${head.revision}`
  const known = fitted.get(key)
  if (known) return known
  const readme = await readmeOf(registry, overview)
  if (readme === undefined) return undefined
  const made = fitReadme(readme, { npmName: head.npmName, version, base })
  fitted.set(key, made)
  return made
}

function noReadme({ shown, head }: Overview): Html {
  if (!shown)
    return html`<div class="empty"><h2>Nothing published yet</h2><p>The name is taken; the first version is still to come.</p></div>`
  if (head.source === 'mirror')
    return html`<div class="empty"><h2>No README here</h2><p>Of this version, only what installing needs is stored. <a href="${versionPath(head.npmName, shown.version, 'files')}">Look at its files</a> to fetch them.</p></div>`
  return html`<div class="empty"><h2>No README</h2><p>The package came without one.</p></div>`
}

function facts(overview: Overview): Html {
  const { shown, manifest, kept, tags } = overview
  if (!shown) return html``
  const tarball = kept?.tarball
  return html`<section>
<h2>This version</h2>
<dl class="facts">
  <dt>Version</dt><dd class="mono">${shown.version}</dd>
  ${shown.publishedAt !== undefined && html`<dt>Published</dt><dd>${day(shown.publishedAt)}</dd>`}
  <dt>License</dt><dd>${licenseOf(manifest)}</dd>
  ${tarball && html`<dt>Download</dt><dd>${size(tarball.size)}</dd>`}
  ${shown.unpackedSize !== undefined && html`<dt>Unpacked</dt><dd>${size(shown.unpackedSize)}</dd>`}
</dl>
</section>
${scripts(manifest)}
<section>
<h2>Tags</h2>
<ul>${Object.entries(tags)
    .slice(0, MOST_TAGS)
    .map(
      ([tag, version]) =>
        html`<li class="row"><span class="tag">${tag}</span> <a class="mono small" href="${versionPath(overview.head.npmName, version)}">${version}</a></li>`,
    )}</ul>
${Object.keys(tags).length > MOST_TAGS && html`<p class="small"><a href="${packagePath(overview.head.npmName, 'versions')}">All ${Object.keys(tags).length} tags</a></p>`}
</section>
${links(manifest)}
${shown.integrity !== undefined && html`<section><h2>Integrity</h2><p class="mono small break">${shown.integrity}</p></section>`}`
}

function scripts(manifest: JsonObject): Html {
  const found = [...installScripts(manifest)]
  if (found.length === 0) return html``
  return html`<section class="note warn"><h2>Runs when installed</h2>
<dl class="facts small">${found.map(([name, script]) => html`<dt>${name}</dt><dd><code>${script.slice(0, 300)}</code></dd>`)}</dl></section>`
}

function links(manifest: JsonObject): Html {
  const { repository, bugs } = manifest
  const addresses: [string, string | undefined][] = [
    ['Homepage', link(manifest.homepage)],
    ['Repository', link(sourceAddress(asObject(repository)?.url ?? repository))],
    ['Issues', link(asObject(bugs)?.url ?? bugs)],
  ]
  const found = addresses.filter(([, address]) => address !== undefined)
  if (found.length === 0) return html``
  return html`<section><h2>Elsewhere</h2><ul>${found.map(
    ([name, address]) => html`<li><a href="${address}" rel="nofollow noopener noreferrer">${name}</a></li>`,
  )}</ul></section>`
}

/** `git+https://…` is how package.json spells the address of a repository that a browser can open too. */
function sourceAddress(url: unknown): unknown {
  return typeof url === 'string' ? url.replace(/^git\+(?=https?:)/, '') : url
}

function upkeepers(namespaces: readonly string[]): Html {
  return html`<section><h2>Maintainers</h2><ul>${namespaces.map(
    (name) => html`<li><a href="${namespacePath(name)}">${name}</a></li>`,
  )}</ul></section>`
}

function licenseOf({ license }: JsonObject): string {
  const named = asObject(license)?.type ?? license
  return typeof named === 'string' && named !== '' ? named.slice(0, 100) : 'not told'
}
