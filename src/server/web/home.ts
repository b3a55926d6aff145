import type { Context } from 'koa'
import manifest from '../../../package.json' with { type: 'json' }
import { json } from '../http/json.ts'
import { wantsPage } from '../http/request.ts'
import type { WebDoor } from './door.ts'
import { type Html, html } from './html.ts'
import { page } from './layout.ts'
import { lineToCopy } from './parts.ts'

/** `GET /`: the start page for browsers; for programs what the original answered. */
export async function home(ctx: Context, { registry }: WebDoor): Promise<void> {
  ctx.set('vary', 'accept, cookie')
  const address = String(ctx.state.address)
  await registry.ready()
  if (!wantsPage(ctx.headers)) {
    const message = 'A package registry for npm and the Entropic API'
    return json(ctx, 200, { server: 'entropic', version: manifest.version, message, website: address })
  }
  await page(ctx, { title: 'Packages', body: homeBody(address) })
}

function homeBody(address: string): Html {
  return html`<div class="hero">
  <h1>Packages, kept in order.</h1>
  <p>This registry holds packages published here, and a copy of what its users install from upstream.</p>
  <form class="search" action="/www/search" aria-label="Search in the page">
    <label class="hidden" for="hero-q">Name or words</label>
    <input id="hero-q" name="q" type="search" placeholder="Name or words" autocomplete="off" spellcheck="false">
    <button>Search</button>
  </form>
</div>
<section class="card" aria-labelledby="set-up">
  <h2 id="set-up">Use it</h2>
  <dl class="setup">${setUpLines(address).map(
    ([tool, line]) => html`
    <dt>${tool}</dt><dd>${lineToCopy(line, `set-up for ${tool}`)}</dd>`,
  )}
  </dl>
</section>`
}

/** One line a tool; all of them set it for the user, but for Yarn berry and Bun, which keep it with the project. */
function setUpLines(address: string): [tool: string, line: string][] {
  return [
    ['npm', `npm config set registry ${address}/`],
    ['pnpm', `pnpm config set registry ${address}/`],
    ['Yarn 1', `yarn config set registry ${address}/`],
    ['Yarn berry', `yarn config set npmRegistryServer ${address}${unsafeHttp(address)}`],
    ['Bun', `echo 'registry=${address}/' >> .npmrc`],
    ['ds', `echo 'registry = "${address}"' >> ~/.entropicrc`],
  ]
}

/** Berry speaks plain http only to hosts it was told of. */
function unsafeHttp(address: string): string {
  const { protocol, hostname } = new URL(address)
  return protocol === 'http:' ? ` && yarn config set unsafeHttpWhitelist --json '["${hostname}"]'` : ''
}
