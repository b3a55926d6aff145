import { Fault } from '../base/fault.ts'
import { fromNpmName } from '../base/name.ts'
import { ANONYMOUS } from './model.ts'
import type { Verdict } from './policy.ts'
import type { Registry } from './registry.ts'
import { splitSpec } from './wishes.ts'

/** Whether the version that `name@version` means may be installed from here, and why. BAD_REQUEST, PACKAGE_NOT_FOUND, VERSION_NOT_FOUND, UPSTREAM_…. */
export async function explain({ packages, contents }: Registry, spec: string): Promise<Verdict> {
  const { name, range: version } = splitSpec(spec)
  if (version === '')
    throw new Fault('BAD_REQUEST', { why: `"${spec}" names no version; write ${spec}@1.0.0.` })
  const parsed = fromNpmName(name)
  const head = (await packages.findOwn(parsed)) ?? (await packages.head(async () => ANONYMOUS, parsed))
  return contents.verdict(head, version)
}
