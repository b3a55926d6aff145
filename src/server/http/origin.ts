import type { Context } from 'koa'
import type { Origin } from '../../registry/audit.ts'
import type { User } from '../../registry/model.ts'

/** Who asks and from where, for the audit log. */
export function originOf(ctx: Context, user?: Pick<User, 'name'>): Origin {
  return { actor: user?.name, address: ctx.ip }
}
