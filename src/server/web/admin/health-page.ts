import type { Context } from 'koa'
import manifest from '../../../../package.json' with { type: 'json' }
import { isFault } from '../../../base/fault.ts'
import type { User } from '../../../registry/model.ts'
import type { NetworkMode } from '../../../registry/network.ts'
import type { Registry } from '../../../registry/registry.ts'
import type { WebDoor } from '../door.ts'
import { type Html, html } from '../html.ts'
import { count, size } from '../parts.ts'
import { administrator, adminPage, figures } from './frame.ts'

type Finding = { readonly what: string; readonly isWell: boolean; readonly say: string }

const MODES: Readonly<Record<NetworkMode, string>> = {
  online: 'Asked for what is missing or old.',
  'prefer-offline': 'Asked only for what is missing.',
  offline: 'Never asked: what is not stored cannot be installed.',
}

/** `/www/admin/health`: whether everything answers that the registry stands on, tried just now. */
export async function healthPage(ctx: Context, door: WebDoor): Promise<void> {
  const { registry } = door
  const caller = await administrator(ctx, door)
  const findings = await Promise.all([
    look('Database', () => database(registry, caller)),
    look('Content', () => content(registry, caller)),
    look('Upstream', async () =>
      registry.isAlone ? 'There is none.' : MODES[await registry.network.mode()],
    ),
  ])
  const body = html`${verdict(findings)}
<div class="scroll" tabindex="0" role="region" aria-label="What was looked at"><table><thead><tr><th scope="col">What</th><th scope="col">State</th><th scope="col">Found</th></tr></thead>
<tbody>${findings.map(row)}</tbody></table></div>
<h2 class="later">This process</h2>
${figures([
  ['Version', manifest.version, `on Node ${process.versions.node}`],
  ['Running for', runningFor(process.uptime())],
  ['Memory', size(process.memoryUsage.rss()), `${size(process.memoryUsage().heapUsed)} of it objects`],
])}
<p class="soft">Programs ask <code>/-/health</code> and <code>/-/ready</code>, and <code>/-/metrics</code> with an administrator’s token. <code>entropic doctor</code> also reads every stored file.</p>`
  await adminPage(ctx, 'health', body)
}

async function database({ ready, stats }: Registry, caller: User): Promise<string> {
  await ready()
  const { engine } = await stats.figures(caller)
  return `${engine === 'sqlite' ? 'SQLite' : 'Postgres'} answers.`
}

/** Nothing is kept: what can be begun could be finished. */
async function content(registry: Registry, caller: User): Promise<string> {
  const spool = await registry.spool(caller)
  await spool.write(Buffer.from('well?'))
  await spool.abort()
  return 'New files can be written.'
}

async function look(what: string, work: () => Promise<string>): Promise<Finding> {
  try {
    return { what, isWell: true, say: await work() }
  } catch (error) {
    return { what, isWell: false, say: isFault(error) ? error.message : `${error}` }
  }
}

function verdict(findings: readonly Finding[]): Html {
  const ill = findings.filter(({ isWell }) => !isWell)
  if (ill.length === 0)
    return html`<div class="note good"><p><strong>All is well.</strong> Looked just now.</p></div>`
  return html`<div class="note bad"><p><strong>${ill.map(({ what }) => what).join(', ')}: not well.</strong></p></div>`
}

function row({ what, isWell, say }: Finding): Html {
  const state = isWell
    ? html`<span class="tag good">well</span>`
    : html`<span class="tag bad">not well</span>`
  return html`<tr><th scope="row">${what}</th><td>${state}</td><td class="break">${say}</td></tr>`
}

function runningFor(seconds: number): string {
  if (seconds < 3600) return count(Math.floor(seconds / 60), 'minute')
  if (seconds < 172_800) return count(Math.floor(seconds / 3600), 'hour')
  return count(Math.floor(seconds / 86_400), 'day')
}
