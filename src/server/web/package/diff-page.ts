import type { Context } from 'koa'
import { Fault } from '../../../base/fault.ts'
import {
  type CallOuts,
  callOuts,
  changedFiles,
  diffTexts,
  type FileChange,
  type Hunk,
  type Said,
} from '../../../registry/diff.ts'
import { packageJsonOf, readText } from '../../../registry/file-text.ts'
import type { FileEntry, PackageHead } from '../../../registry/model.ts'
import { overviewOf } from '../../../registry/overview.ts'
import type { Local } from '../../http/local.ts'
import type { WebDoor } from '../door.ts'
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { count, size } from '../parts.ts'
import { filePath, packagePath } from '../paths.ts'
import { packageFrame } from './frame.ts'
import { chooseTwo } from './versions-page.ts'

/** Bytes of a file that is compared line by line. */
const MOST = 512 * 1024
/** Lines shown on one page; files beyond are opened one at a time. */
const LINES = 1500

type Comparison = { readonly head: PackageHead; readonly from: string; readonly to: string }

/** `…/diff?from=&to=`, and `&file=` for one file alone. The files of mirrored versions are fetched for it. */
export async function diffPage(ctx: Context, door: WebDoor, head: PackageHead): Promise<void> {
  const from = String(ctx.query.from ?? '')
  const to = String(ctx.query.to ?? '')
  if (from === '' || to === '') throw new Fault('BAD_REQUEST', { why: 'Name two versions: ?from=…&to=…' })
  const { contents } = door.registry
  const [before, after] = await Promise.all([contents.files(head, from), contents.files(head, to)])
  const overview = await overviewOf(door.registry, head, to)
  const changes = changedFiles(before, after)
  const only = ctx.query.file === undefined ? undefined : String(ctx.query.file)
  const shown = only === undefined ? changes : changes.filter(({ path }) => path === only)
  const [old, now] = await Promise.all([packageJsonOf(contents, before), packageJsonOf(contents, after)])
  const outs = callOuts({ manifest: old, files: before }, { manifest: now, files: after })
  const body = html`${chooseTwo(overview, { from, to })}
${calledOut(outs)}
<h2>${only ?? (changes.length === 0 ? 'The same files' : `${count(changes.length, 'file')} changed`)}</h2>
${await sheets(door, { head, from, to }, shown)}`
  await page(ctx, { title: `${head.npmName} ${from} → ${to}`, body: packageFrame(overview, 'diff', body) })
}

function calledOut({ scripts, dependencies }: CallOuts): Html {
  const alarming = scripts.some(({ after }) => after !== undefined)
  return html`${
    scripts.length > 0 &&
    html`<section class="note ${alarming ? 'bad' : 'good'}"><h2>${alarming ? 'Other scripts run when it is installed' : 'Fewer scripts run when it is installed'}</h2>${said(scripts)}</section>`
  }${
    dependencies.length > 0 &&
    html`<section class="note ${dependencies.some(({ before }) => before === undefined) ? 'warn' : ''}"><h2>Dependencies that differ</h2>${said(dependencies)}</section>`
  }`
}

function said(all: readonly Said[]): Html {
  return html`<ul>${all.map(
    ({ name, before, after }) => html`<li><strong class="mono">${name}</strong> ${
      before === undefined && html`<span class="tag warn">new</span>`
    }${after === undefined && html`<span class="tag">gone</span>`}
${before !== undefined && html`<del class="mono">${before.slice(0, 300)}</del>`}
${after !== undefined && html`<ins class="mono">${after.slice(0, 300)}</ins>`}</li>`,
  )}</ul>`
}

async function sheets(
  door: WebDoor,
  comparison: Comparison,
  changes: readonly FileChange[],
): Promise<Html[]> {
  const made: Html[] = []
  let lines = 0
  for (const change of changes) {
    const isRoom = lines < LINES
    const hunks = isRoom ? await hunksOf(door, change) : 'not now'
    if (Array.isArray(hunks)) lines += hunks.reduce((sum, hunk) => sum + hunk.lines.length, 0)
    made.push(sheet(comparison, change, hunks))
  }
  return made
}

type Hunks = readonly Hunk[] | 'not now' | 'not text' | 'too different'

async function hunksOf({ registry: { contents } }: WebDoor, change: FileChange): Promise<Hunks> {
  const [before, after] = await Promise.all([change.before, change.after].map(text))
  if (before === undefined || after === undefined) return 'not text'
  return diffTexts(before, after) ?? 'too different'

  async function text(file: FileEntry | undefined): Promise<string | undefined> {
    if (!file) return ''
    const read = await readText(contents, file, MOST)
    return 'text' in read ? read.text : undefined
  }
}

function sheet({ head, from, to }: Comparison, change: FileChange, hunks: Hunks): Html {
  const { path, before, after } = change
  const version = after ? to : from
  return html`<section class="sheet" aria-label="${path}">
<header><h3><a href="${filePath(head.npmName, version, path)}">${path}</a></h3> ${kind(change)}
<span class="small soft">${before && size(before.size)}${before && after && ' → '}${after && size(after.size)}</span></header>
${typeof hunks === 'string' ? instead(hunks, packagePath(head.npmName, 'diff').with({ from, to, file: path })) : diff(path, hunks)}
</section>`
}

function kind({ before, after }: FileChange): Html | undefined {
  if (!before) return html`<span class="tag good">added</span>`
  if (!after) return html`<span class="tag bad">removed</span>`
  if (before.executable !== after.executable)
    return html`<span class="tag warn">${after.executable ? 'now executable' : 'no longer executable'}</span>`
  return undefined
}

function instead(why: Exclude<Hunks, readonly Hunk[]>, alone: Local): Html {
  if (why === 'not now') return html`<p><a href="${alone}">Show this file</a></p>`
  if (why === 'not text') return html`<p class="soft">Not compared: binary, or too large.</p>`
  return html`<p class="soft">The two have too little in common to compare them line by line.</p>`
}

const CLASSES: Readonly<Record<string, string>> = { '+': 'add', '-': 'del', '\\': 'remark' }

function diff(path: string, hunks: readonly Hunk[]): Html {
  if (hunks.length === 0) return html`<p class="soft">No line differs.</p>`
  return html`<pre class="diff" tabindex="0" aria-label="Changes of ${path}"><code>${hunks.map(
    ({ oldStart, newStart, lines }) =>
      html`<span class="hunk">Line ${oldStart} → ${newStart}\n</span>${lines.map((line) => html`<span class="${CLASSES[line[0] ?? '']}">${line}\n</span>`)}`,
  )}</code></pre>`
}
