import type { Context } from 'koa'
import { readText } from '../../../registry/file-text.ts'
import type { FileEntry, FileTree, PackageHead } from '../../../registry/model.ts'
import { overviewOf } from '../../../registry/overview.ts'
import type { WebDoor } from '../door.ts'
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { count, size } from '../parts.ts'
import { filePath, versionPath } from '../paths.ts'
import { packageFrame } from './frame.ts'
import { highlighted } from './highlight.ts'
import { imageType } from './raw.ts'
import { notHere } from './target.ts'

/** Bytes of a file shown as text. */
const MOST = 512 * 1024

type Place = { readonly head: PackageHead; readonly version: string; readonly path: string }

/** `…/v/<version>/files/<path>`: a folder's entries or a file's text. The files of a mirrored version are fetched for it. */
export async function filesPage(ctx: Context, door: WebDoor, place: Place): Promise<void> {
  const { head, version, path } = place
  const files = await door.registry.contents.files(head, version)
  const overview = await overviewOf(door.registry, head, version)
  const file = files.find((it) => it.path === path)
  const body = html`${crumbs(place)}${file ? await sheet(door, place, file) : folder(ctx, place, files)}`
  const title = `${path || 'Files'} · ${head.npmName} ${version}`
  await page(ctx, { title, body: packageFrame(overview, 'files', body) })
}

function crumbs({ head, version, path }: Place): Html {
  const parts = path === '' ? [] : path.split('/')
  const steps = [`${head.npmName}@${version}`, ...parts]
  return html`<nav aria-label="Path"><ol class="crumbs">${steps.map((name, at) => {
    if (at === parts.length) return html`<li aria-current="page">${name}</li>`
    return html`<li><a href="${filePath(head.npmName, version, parts.slice(0, at).join('/'))}">${name}</a></li>`
  })}</ol></nav>`
}

type Entry = {
  readonly name: string
  readonly size: number
  readonly files: number
  readonly isFolder: boolean
}

function folder(ctx: Context, { head, version, path }: Place, files: FileTree): Html {
  const entries = entriesIn(files, path === '' ? '' : `${path}/`)
  if (entries.length === 0)
    return path === '' ? html`<div class="empty"><p>No files.</p></div>` : notHere(ctx)
  const address = (name: string) => filePath(head.npmName, version, path === '' ? name : `${path}/${name}`)
  return html`<div class="sheet scroll"><table class="files">
<thead><tr><th scope="col">Name</th><th scope="col" class="number">Size</th></tr></thead>
<tbody>${entries.map(
    (
      entry,
    ) => html`<tr><th scope="row"><a href="${address(entry.name)}">${entry.name}${entry.isFolder && '/'}</a></th>
<td class="number">${entry.isFolder && html`<span class="soft">${count(entry.files, 'file')}, </span>`}${size(entry.size)}</td></tr>`,
  )}</tbody></table></div>`
}

/** What lies directly in a folder: folders first, each with all that is in it. */
function entriesIn(files: FileTree, prefix: string): Entry[] {
  const found = new Map<string, Entry>()
  for (const file of files) {
    if (!file.path.startsWith(prefix)) continue
    const [name = '', ...below] = file.path.slice(prefix.length).split('/')
    const known = found.get(name)
    const isFolder = below.length > 0
    found.set(name, { name, isFolder, size: (known?.size ?? 0) + file.size, files: (known?.files ?? 0) + 1 })
  }
  return [...found.values()].sort((a, b) => Number(b.isFolder) - Number(a.isFolder))
}

async function sheet({ registry }: WebDoor, { head, version, path }: Place, file: FileEntry): Promise<Html> {
  const raw = versionPath(head.npmName, version, 'raw', ...path.split('/'))
  return html`<div class="sheet">
<header><h2>${path.slice(path.lastIndexOf('/') + 1)}</h2><span class="small soft">${size(file.size)}${file.executable && ', executable'}</span><a class="small" href="${raw}">Raw</a></header>
${imageType(path) ? html`<img src="${raw}" alt="${path}">` : await content(registry, path, file)}
</div>`
}

async function content({ contents }: WebDoor['registry'], path: string, file: FileEntry): Promise<Html> {
  if (file.size === 0) return html`<p class="soft">An empty file.</p>`
  const read = await readText(contents, file, MOST)
  if ('why' in read) return html`<p class="soft">Not shown: it is ${read.why}.</p>`
  return html`<pre class="source" tabindex="0" aria-label="${path}"><code>${await highlighted(path, read.text)}</code></pre>`
}
