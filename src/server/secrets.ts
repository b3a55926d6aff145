import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newSigningKey } from '../registry/signer.ts'
import type { Config } from './config.ts'
import { Failure } from './failure.ts'

const SIGNING_KEY = 'signing-key.pem'

/** The keys the server works with: configured, or its own. */
export type Secrets = {
  readonly sessionSecret: string
  readonly oauthPassword: string
  /** What packages published here are signed with, PEM. */
  readonly signingKey: string
}

/** The configured secrets; what is absent is generated once and kept in the data folder. */
export async function secretsOf(
  config: Pick<Config, 'cacheDir' | 'sessionSecret' | 'oauthPassword'>,
): Promise<Secrets> {
  const folder = join(config.cacheDir, 'secrets')
  return {
    sessionSecret: config.sessionSecret ?? (await keptSecret(folder, 'session-secret')),
    oauthPassword: config.oauthPassword ?? (await keptSecret(folder, 'oauth-password')),
    signingKey: await keptSecret(folder, SIGNING_KEY, newSigningKey),
  }
}

/** Puts what `change` makes of the signing key in its place; resolves to it. */
export async function changeSigningKey(
  { cacheDir }: Pick<Config, 'cacheDir'>,
  change: (pem: string) => string,
): Promise<string> {
  const folder = join(cacheDir, 'secrets')
  const path = join(folder, SIGNING_KEY)
  const changed = change(await keptSecret(folder, SIGNING_KEY, newSigningKey))
  const aside = `${path}.${randomBytes(6).toString('hex')}`
  await writeFile(aside, changed, { mode: 0o600, flush: true })
  await rename(aside, path)
  return changed
}

/**
 * The secret kept in `folder` under `name`, 256 random bits as base64url unless told otherwise; made when it is not there. However many processes ask at once,
 * all get the same. Only the owner may read the file.
 */
export async function keptSecret(folder: string, name: string, make = randomSecret): Promise<string> {
  const path = join(folder, name)
  const kept = await readKept(path)
  if (kept !== undefined) return kept
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await create(path, `${make().trim()}\n`)
  return (await readKept(path)) ?? gone(path)
}

function randomSecret(): string {
  return randomBytes(32).toString('base64url')
}

async function readKept(path: string): Promise<string | undefined> {
  try {
    const text = (await readFile(path, 'utf8')).trim()
    await chmod(path, 0o600) // a backup may have brought it back with wider permissions
    if (text.length >= 32) return text
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  throw new Failure(`${path} holds no secret. Restore it, or delete it to have a new one made.`)
}

/** Writes aside and links into place: the file is there whole or not at all, and whoever comes second leaves the first one's. */
async function create(path: string, text: string): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await using file = await open(aside, 'wx', 0o600)
    await file.writeFile(text)
    await file.sync()
    await link(aside, path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    await rm(aside, { force: true })
  }
}

function gone(path: string): never {
  throw new Failure(`${path} vanished while it was read.`)
}
