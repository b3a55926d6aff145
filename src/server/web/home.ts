import type { Context } from 'koa'
import manifest from '../../../package.json' with { type: 'json' }
import type { Hit } from '../../registry/search.ts'
import { json } from '../http/json.ts'
import { wantsPage } from '../http/request.ts'
import type { WebDoor } from './door.ts'
import { type Html, html } from './html.ts'
import { page } from './layout.ts'
import { packageList } from './lists.ts'
import { lineToCopy } from './parts.ts'
import { SEARCH } from './paths.ts'

const NEWEST = 5

/** `GET /`: the start page for browsers; for programs what the original answered. */
export async function home(ctx: Context, { registry }: WebDoor): Promise<void> {
  ctx.set('vary', 'accept, cookie')
  const address = String(ctx.state.address)
  await registry.ready()
  if (!wantsPage(ctx.headers)) {
    const message = 'A package registry for npm and the Entropic API'
    return json(ctx, 200, { server: 'entropic', version: manifest.version, message, website: address })
  }
  const newest = await registry.search.newest(ctx.state.who, NEWEST)
  const caller = await ctx.state.who()
  const own = caller.kind === 'user' ? await registry.namespaces.of(caller.name) : []
  await page(ctx, {
    title: 'Packages',
    body: homeBody({
      setUp: setUpLines(address, freshNames(own, newest)),
      newest,
      isAlone: registry.isAlone,
    }),
    search: 'none',
  })
}

type SetUpLine = readonly [tool: string, line: string]

type Shown = {
  readonly setUp: readonly SetUpLine[]
  readonly newest: readonly Hit[]
  readonly isAlone: boolean
}

function homeBody({ setUp, newest, isAlone }: Shown): Html {
  return html`<div class="hero">
  <h1>Packages, kept in order.</h1>
  <p>This registry holds packages published here${!isAlone && ', and a copy of what its users install from upstream'}.</p>
  <form class="search" action="${SEARCH}" role="search">
    <label class="hidden" for="q">Name or words</label>
    <input id="q" name="q" type="search" placeholder="Name or words" autocomplete="off" spellcheck="false">
    <button>Search</button>
  </form>
</div>
<div class="columns">
<section class="card" aria-labelledby="set-up">
  <h2 id="set-up">Use it</h2>
  <dl class="setup">${setUp.map(
    ([tool, line]) => html`
    <dt>${tool}</dt><dd>${lineToCopy(line, `set-up for ${tool}`)}</dd>`,
  )}
  </dl>
</section>
<section aria-labelledby="newest">
  <h2 id="newest">Published here</h2>
  ${newest.length > 0 ? packageList(newest) : html`<div class="empty"><p>Nothing yet. The first <code>npm publish</code> is yours.</p></div>`}
</section>
</div>`
}

/** One line a tool; all of them set it for the user, but for Yarn berry and Bun, which keep it with the project. */
function setUpLines(address: string, fresh: readonly string[]): SetUpLine[] {
  return [
    ['npm', `npm config set registry ${address}/`],
    ['pnpm', `pnpm config set registry ${address}/`],
    ['Yarn 1', `yarn config set registry ${address}/`],
    ['Yarn berry', `yarn config set npmRegistryServer ${address}${unsafeHttp(address)}${preapproved(fresh)}`],
    ['Bun', `echo 'registry=${address}/' >> .npmrc`],
    ['ds', `echo 'registry = "${address}"' >> ~/.entropicrc`],
  ]
}

/** Berry speaks plain http only to hosts it was told of. */
function unsafeHttp(address: string): string {
  const { protocol, hostname } = new URL(address)
  return protocol === 'http:' ? ` && yarn config set unsafeHttpWhitelist --json '["${hostname}"]'` : ''
}

/** Patterns of what somebody may want who was just told of it: their own packages, and those that are listed beside this. */
function freshNames(own: readonly string[], newest: readonly Hit[]): string[] {
  const shown = newest.map(({ head }) => head.npmName.replace(/^(@[^/]+)\/.*$/, '$1/*'))
  return [...new Set([...own.map((namespace) => `@${namespace}/*`), ...shown])]
}

/** Berry holds back for a day what was just published, unless it is told which packages it may have at once. */
function preapproved(fresh: readonly string[]): string {
  if (fresh.length === 0) return ''
  return ` && yarn config set npmPreapprovedPackages --json '${JSON.stringify(fresh)}'`
}
