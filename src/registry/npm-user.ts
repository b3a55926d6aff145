import type { JsonObject, Staged, User } from './model.ts'

/** A version's `_npmUser`, as npm and pnpm read it: who published it, which trusted build did so for them, and who approved it. */
export function npmUserOf(user: User, staged?: Staged): JsonObject {
  const { name, build } = staged ?? user
  return {
    name,
    // Everybody may read this: addresses are for those who are logged in. Without the field npm prints "undefined".
    email: '',
    ...(build && { trustedPublisher: { id: build.type, oidcConfigId: `oidc:${build.id}` } }),
    ...(staged && { approver: { name: user.name } }),
  }
}
