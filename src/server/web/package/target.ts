import type { Context } from 'koa'
import { Fault, fail } from '../../../base/fault.ts'
import { fromNpmName } from '../../../base/name.ts'
import type { PackageHead } from '../../../registry/model.ts'
import type { WebDoor } from '../door.ts'

const PREFIX = '/www/package/'

/** Which of a package's pages an address means: its name, and the path behind it, decoded. */
export type Target = { readonly npmName: string; readonly rest: readonly string[] }

/** Reads `/www/package/<name>/…` off the raw path, since a name and a file's path may hold any sign. BAD_REQUEST. */
export function targetOf(path: string): Target {
  const [first = '', ...more] = path.slice(PREFIX.length).split('/').map(decoded)
  const isScope = first.startsWith('@') && !first.includes('/') && more[0] !== undefined
  const npmName = isScope ? `${first}/${more[0]}` : first
  const rest = isScope ? more.slice(1) : more
  return { npmName, rest: rest.filter((segment) => segment !== '') }
}

/** The package as whoever asks may see it. PACKAGE_NOT_FOUND, INVALID_NAME. */
export function headAt(ctx: Context, { registry }: WebDoor, { npmName }: Target): Promise<PackageHead> {
  return registry.packages.head(ctx.state.who, fromNpmName(npmName))
}

export function notHere(ctx: Context): never {
  return fail('NOT_FOUND', { what: ctx.path })
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (error) {
    throw new Fault('BAD_REQUEST', { why: 'the address is not percent-encoded UTF-8' }, { cause: error })
  }
}
