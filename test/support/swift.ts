import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type S3Address, S3Client } from '../../src/storage/blobs/s3-client.ts'
import { freePort, Missing, type Server, serverOf } from './servers.ts'

/** The one account of the test run. */
export const S3_KEYS = { accessKeyId: 'test:tester', secretAccessKey: 'testing' }
export const S3_REGION = 'us-east-1'

const run = promisify(execFile)

/** A fresh, empty bucket of the S3 storage at `url`. */
export async function newBucket(url: string): Promise<S3Address> {
  const bucket = `test-${randomUUID()}`
  const place = { bucket, region: S3_REGION, ...S3_KEYS, pathStyle: true, prefix: 'some/where/' }
  const client = new S3Client({ endpoint: url, ...place })
  const made = await client.send({ method: 'PUT' })
  await made?.body.dump()
  await client.close()
  return { endpoint: url, ...place }
}

const PARTS = ['account', 'container', 'object'] as const
const FILTERS = [
  'catch_errors',
  'gatekeeper',
  'healthcheck',
  'listing_formats',
  'copy',
  'slo',
  'dlo',
  'versioned_writes',
]
const PROGRAMS = ['swift-ring-builder', 'swift-proxy-server', ...PARTS.map((part) => `swift-${part}-server`)]

/** Starts OpenStack Swift with its S3 door, which checks signatures: one process each, everything in a temporary folder. */
export async function startSwift(): Promise<Server> {
  const lacking = PROGRAMS.find((name) => !existsSync(join('/usr/bin', name)))
  if (lacking)
    throw new Missing(
      `S3: no ${lacking} (Debian: apt-get install swift swift-proxy swift-account swift-container swift-object)`,
    )
  const folder = await mkdtemp(join(tmpdir(), 'entropic-swift-'))
  const ports = await Promise.all(PARTS.map(() => freePort()))
  const port = await freePort()
  await mkdir(join(folder, 'devices', 'd1'), { recursive: true })
  await writeFile(
    join(folder, 'swift.conf'),
    '[swift-hash]\nswift_hash_path_suffix = test\n[storage-policy:0]\nname = only\ndefault = yes\n',
  )
  await Promise.all(PARTS.map((part, index) => ring(folder, { part, port: ports[index] ?? 0 })))
  await Promise.all(
    PARTS.map((part, index) =>
      writeFile(join(folder, `${part}.conf`), serverSettings(folder, { part, port: ports[index] ?? 0 })),
    ),
  )
  await writeFile(join(folder, 'proxy.conf'), proxySettings(folder, port))
  await using starting = new AsyncDisposableStack()
  starting.defer(() => rm(folder, { recursive: true, force: true }))
  const begun = await Promise.allSettled([...PARTS, 'proxy'].map((part) => startPart(folder, part)))
  for (const one of begun) if (one.status === 'fulfilled') starting.defer(() => one.value.stop())
  for (const one of begun) if (one.status === 'rejected') throw one.reason
  const stopping = starting.move()
  return { url: `http://127.0.0.1:${port}`, stop: () => stopping.disposeAsync() }
}

async function startPart(folder: string, part: string): Promise<Server> {
  const server = spawn(`/usr/bin/swift-${part}-server`, [join(folder, `${part}.conf`), '-v'], { cwd: folder })
  const own = await mkdtemp(join(folder, `${part}-`))
  return serverOf(server, { folder: own, ready: 'Started child', url: '' })
}

type Part = { readonly part: string; readonly port: number }

async function ring(folder: string, { part, port }: Part): Promise<void> {
  const builder = join(folder, `${part}.builder`)
  // 2^4 partitions of one copy; all three numbers are the least that will do.
  await run('swift-ring-builder', [builder, 'create', '4', '1', '1'])
  await run('swift-ring-builder', [builder, 'add', `r1z1-127.0.0.1:${port}/d1`, '1'])
  await run('swift-ring-builder', [builder, 'rebalance'])
}

function common(folder: string, port: number): string {
  return `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 1
user = ${process.getuid?.() === 0 ? 'root' : process.env.USER}
swift_dir = ${folder}
devices = ${join(folder, 'devices')}
mount_check = false
log_name = swift
fallocate_reserve = 0
`
}

function serverSettings(folder: string, { part, port }: Part): string {
  return `${common(folder, port)}
[pipeline:main]
pipeline = ${part}-server
[app:${part}-server]
use = egg:swift#${part}
`
}

function proxySettings(folder: string, port: number): string {
  return `${common(folder, port)}
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats s3api tempauth copy slo dlo versioned_writes proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = ${S3_KEYS.secretAccessKey} .admin
[filter:cache]
use = egg:swift#memcache
# The filter has to be there, memcached has not: each request then looks for itself.
memcache_servers = 127.0.0.1:1
[filter:s3api]
use = egg:swift#s3api
location = ${S3_REGION}
${FILTERS.map((name) => `[filter:${name}]\nuse = egg:swift#${name}`).join('\n')}
`
}
