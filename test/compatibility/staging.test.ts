import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import type { Client, ClientName } from '../clients/client.ts'
import { row } from './rows.ts'
import { fails, publishing, works, writePackage } from './stage.ts'

const CLIENTS: readonly ClientName[] = ['npm', 'npm@12', 'pnpm', 'pnpm@12', 'berry']

/** What stages the project, and what judges it, in each client's words. */
function words(client: Client) {
  if (client.family === 'berry') return { publish: ['npm', 'publish', '--staged'], judge: ['npm', 'stage'] }
  const checks = client.family === 'pnpm' ? ['--no-git-checks'] : []
  return { publish: ['stage', 'publish', ...checks], judge: ['stage'] }
}

row(
  {
    number: 83,
    statement: 'a version is staged, looked at, and installable only when approved; its number is taken',
    // npm 10 and pnpm 10 know nothing of it.
    clients: CLIENTS,
  },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await kim.publish('@kim/box', '1.0.0')
    const client = await stage.client(name, wire, { token: kim.token })
    const { publish, judge } = words(client)
    const staged = async (version: string): Promise<string> => {
      await writePackage(client, { name: '@kim/box', version })
      await works(client, ...publish)
      const [item] = (await kim.get('/-/stage?package=%40kim%2fbox')).json.items
      expect(item).toMatchObject({ packageName: '@kim/box', version, tag: 'latest', actor: 'kim' })
      return item.id
    }
    const id = await staged('1.1.0')
    expect((await kim.get('/@kim%2fbox/1.1.0')).status).toBe(404)
    expect((await kim.get('/@kim/box/-/box-1.1.0.tgz')).status).toBe(404)
    expect(await works(client, ...judge, 'list')).toContain(id)
    // It has no such commands.
    if (client.family !== 'berry') {
      expect(await works(client, ...judge, 'view', id)).toContain('1.1.0')
      await works(client, ...judge, 'download', id)
    }
    await fails(client, ...publishing(client))
    await works(client, ...judge, 'approve', id)
    const { dist, _npmUser } = (await kim.get('/@kim%2fbox/latest')).json
    expect(_npmUser).toEqual({ name: 'kim', email: '', approver: { name: 'kim' } })
    const { bytes } = await kim.get('/@kim/box/-/box-1.1.0.tgz')
    expect(`sha512-${createHash('sha512').update(bytes).digest('base64')}`).toBe(dist.integrity)
    const bad = await staged('1.2.0')
    await works(client, ...judge, 'reject', bad)
    expect((await kim.get('/-/stage')).json).toMatchObject({ items: [], total: 0 })
    expect((await kim.get('/@kim%2fbox/1.2.0')).status).toBe(404)
    await works(client, ...publishing(client))
  },
)
