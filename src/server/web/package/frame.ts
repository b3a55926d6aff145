import type { Overview, VersionLine } from '../../../registry/overview.ts'
import { plainText } from '../../../registry/plain-text.ts'
import type { Local } from '../../http/local.ts'
import { type Html, html, type Part } from '../html.ts'
import { marks } from '../lists.ts'
import { lineToCopy } from '../parts.ts'
import { filePath, packagePath, versionPath } from '../paths.ts'

/** A package's pages, in the order of their tabs. */
export type Tab = 'readme' | 'files' | 'dependencies' | 'versions' | 'diff'

const TITLES: Readonly<Record<Tab, string>> = {
  readme: 'README',
  files: 'Files',
  dependencies: 'Dependencies',
  versions: 'Versions',
  diff: 'Compare',
}

/** What all pages of a package begin with: what it is, how to install it, and the way to the others. */
export function packageFrame(overview: Overview, tab: Tab, body: Part): Html {
  const { head, shown } = overview
  return html`<div class="package-head">
  <div class="row"><h1>${head.npmName}</h1> ${shown && html`<span class="mono soft">${shown.version}</span>`} ${marks(head)}</div>
  ${typeof overview.manifest.description === 'string' && html`<p class="about">${plainText(overview.manifest.description.slice(0, 500))}</p>`}
</div>
${shown && warnings(shown)}
${shown && lineToCopy(installLine(overview), 'install this package')}
<nav class="tabs" aria-label="This package">${tabs(overview).map(
    ([name, path]) =>
      html`<a href="${path}"${name === tab && html` aria-current="page"`}>${TITLES[name]}</a>`,
  )}</nav>
${body}`
}

function warnings({ deprecated, yanked }: VersionLine): Html {
  return html`${
    deprecated !== undefined &&
    html`<div class="note warn"><p><strong>Deprecated.</strong> ${deprecated.slice(0, 1000)}</p></div>`
  }${
    yanked &&
    html`<div class="note bad"><p><strong>Yanked.</strong> Who depends on it can still download it; nobody is offered it any more.</p></div>`
  }`
}

/** `latest` needs no version; a name or version that a shell would read otherwise never gets here, being no legal one. */
function installLine({ head, shown, tags }: Overview): string {
  const isLatest = shown?.version === tags.latest
  return `npm install ${head.npmName}${isLatest ? '' : `@${shown?.version}`}`
}

function tabs({ head, shown, tags, versions }: Overview): [Tab, Local][] {
  const { npmName } = head
  if (!shown) return [['readme', packagePath(npmName)]]
  const { version } = shown
  const isLatest = version === tags.latest
  const here = (...rest: string[]) =>
    isLatest ? packagePath(npmName, ...rest) : versionPath(npmName, version, ...rest)
  const before = versions[versions.findIndex((it) => it.version === version) + 1]
  const compare = packagePath(npmName, 'diff').with({ from: before?.version ?? version, to: version })
  return [
    ['readme', here()],
    ['files', filePath(npmName, version, '')],
    ['dependencies', here('dependencies')],
    ['versions', packagePath(npmName, 'versions')],
    ...(versions.length > 1 ? [['diff', compare] as [Tab, Local]] : []),
  ]
}
