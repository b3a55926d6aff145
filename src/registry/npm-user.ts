import type { JsonObject, User } from './model.ts'

/** A version's `_npmUser`, as npm and pnpm read it: who published, and which trusted build did so in their name. */
export function npmUserOf({ name, build }: User): JsonObject {
  return { name, ...(build && { trustedPublisher: { id: build.type, oidcConfigId: `oidc:${build.id}` } }) }
}
