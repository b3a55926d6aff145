import type { Middleware } from 'koa'
import { Fault } from '../base/fault.ts'
import type { Who } from '../registry/model.ts'
import type { Door } from './doors.ts'
import type { Answer } from './http/answer.ts'

/** What asks for no account where reading does: seeing that the registry is there, and logging in. Paths as the doors see them. */
const OUTSIDE: Readonly<Record<Door, RegExp>> = {
  npm: /^\/-\/(?:ping$|v1\/login(?:\/|$)|user\/org\.couchdb\.user:|npm\/v1\/oidc\/)/,
  entropic: /^(?:\/v1)?\/(?:ping|auth\/.+)$/,
  web: /^\/(?:favicon\.ico$|www\/(?:static|login|logout|signup)(?:\/|$))/,
}

/** Lets in everybody, or only who has an account: then UNAUTHENTICATED for everybody else, and no answer is kept by a shared cache. */
export class Gate {
  readonly isClosed: boolean

  constructor({ isClosed }: { isClosed: boolean }) {
    this.isClosed = isClosed
  }

  /** For a door's requests; who asks is known by then. */
  readonly middleware: Middleware = async (ctx, next) => {
    if (!this.isClosed || OUTSIDE[ctx.state.door as Door].test(ctx.path)) return next()
    await this.admit(ctx.state.who)
    await next()
    ctx.set('cache-control', privately(ctx.response.get('cache-control')))
  }

  async admit(who: Who): Promise<void> {
    if (!this.isClosed || (await who()).kind !== 'anonymous') return
    throw new Fault('UNAUTHENTICATED', { why: 'This registry is for people with an account: log in first.' })
  }

  /** The answer as it may leave. */
  dress(answer: Answer): Answer {
    if (!this.isClosed) return answer
    const { 'cache-control': control = '', ...headers } = answer.headers
    return { ...answer, headers: { ...headers, 'cache-control': privately(String(control)) } }
  }
}

function privately(control: string): string {
  return control === '' ? 'private, no-cache' : control.replace(/^public\b/, 'private')
}
