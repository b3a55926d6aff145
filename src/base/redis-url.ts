/** Where Redis is: one server, a cluster's nodes, or the sentinels that know which server is the master. */
export type RedisUrl = {
  readonly form: 'single' | 'sentinel' | 'cluster'
  readonly tls: boolean
  /** At least one. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[]
  readonly username?: string
  readonly password?: string
  /** What the sentinels call it; of that form alone. */
  readonly master?: string
  /** Number of the database; a cluster has only 0. */
  readonly database: number
}

const SHAPE =
  /^redis(?<tls>s)?(?:\+(?<form>sentinel|cluster))?:\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<nodes>[^/@?#]+)(?:\/(?<path>[^?#]*))?$/
const NODE = /^(?<host>\[[0-9a-f:.]+\]|[\w.-]+)(?::(?<port>\d{1,5}))?$/i
const PORTS = { single: 6379, sentinel: 26_379, cluster: 6379 } as const

/**
 * `redis://user:password@host:6379/0`, `redis+sentinel://user:password@one:26379,two:26379/master-name/0` and
 * `redis+cluster://one:7000,two:7001`, all with `rediss` for TLS. Undefined for anything else.
 */
export function parseRedisUrl(text: string): RedisUrl | undefined {
  const parts = SHAPE.exec(text)?.groups
  if (!parts) return undefined
  const form = (parts.form ?? 'single') as RedisUrl['form'] // the pattern knows no others
  const nodes = (parts.nodes ?? '').split(',').map((node) => parseNode(node, PORTS[form]))
  const path = (parts.path ?? '').split('/').filter((segment) => segment !== '')
  const master = form === 'sentinel' ? path.shift() : undefined
  const [database = '0', ...rest] = path
  const isWhole =
    rest.length === 0 &&
    /^\d{1,5}$/.test(database) &&
    (form !== 'sentinel' || master !== undefined) &&
    (form !== 'cluster' || database === '0') &&
    (form !== 'single' || nodes.length === 1)
  const known = nodes.filter((node) => node !== undefined)
  const [username, password] = [decoded(parts.user), decoded(parts.password)]
  if (!isWhole || known.length < nodes.length || username === null || password === null) return undefined
  return {
    form,
    tls: parts.tls !== undefined,
    nodes: known,
    database: Number(database),
    ...(username && { username }),
    ...(password && { password }),
    ...(master !== undefined && { master }),
  }
}

function parseNode(text: string, usual: number): RedisUrl['nodes'][number] | undefined {
  const { host, port = String(usual) } = NODE.exec(text)?.groups ?? {}
  const number = Number(port)
  if (host === undefined || number < 1 || number > 65_535) return undefined
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: number }
}

/** Null for a broken escape. */
function decoded(text: string | undefined): string | undefined | null {
  try {
    return text && decodeURIComponent(text)
  } catch {
    return null
  }
}
