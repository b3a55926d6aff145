import type { Context } from 'koa'
import { fail } from '../../base/fault.ts'
import { type PackageName, specOf } from '../../base/name.ts'
import type { Registry } from '../../registry/registry.ts'
import { param } from '../http/json.ts'

/** The path of a package, in every route that names one. */
export const PACKAGE = '/packages/package/:namespace/:name'

export const NAMESPACE = '/namespaces/namespace/:namespace'

/** The package that `:namespace` (`ns` or `ns@host`) and `:name` name. The registry judges whether such a name can be. */
export function packageOf(ctx: Context, registry: Registry): PackageName {
  return { ...namespaceOf(param(ctx, 'namespace'), registry), name: param(ctx, 'name') }
}

/** `ns` or `ns@host`; our own host, in whatever case, is ''. */
export function namespaceOf(text: string, registry: Registry): { namespace: string; host: string } {
  const at = text.indexOf('@')
  if (at < 0) return { namespace: text, host: '' }
  const host = text.slice(at + 1)
  const own = host.toLowerCase() === registry.host().toLowerCase()
  return { namespace: text.slice(0, at), host: own ? '' : host }
}

/** The namespace or user of ours that a parameter names, with or without our host. NOT_FOUND for another host's. */
export function nameIn(ctx: Context, registry: Registry, parameter: string): string {
  const sent = param(ctx, parameter)
  const { namespace, host } = namespaceOf(sent, registry)
  return host === '' ? namespace : fail('NOT_FOUND', { what: sent })
}

export function specIn(ctx: Context, registry: Registry): string {
  return specOf(packageOf(ctx, registry), registry.host())
}
