import { Fault } from '../../base/fault.ts'
import { days } from '../../base/time.ts'
import type { JsonObject } from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'
import { textOf } from '../http/body.ts'

/** Yarn classic logs in anew for each publish and forgets the token; those left behind end by themselves. */
const LOGIN_LIFETIME = days(365)

export type Login = { readonly name: string; readonly token: string; readonly created: boolean }

/**
 * PUT /-/user/org.couchdb.user:NAME, the password login of every client: logs an account in, or signs a new one up where that is open.
 * a name that exists is always a login. Wrong password: WRONG_PASSWORD.
 */
export async function passwordLogin(
  registry: Registry,
  body: JsonObject,
  {
    pathName,
    address,
    otp,
    signUp,
    isLogin,
  }: { pathName: string; address: string; otp: string | undefined; signUp: boolean; isLogin: boolean },
): Promise<Login> {
  const name = textOf(body.name) ?? pathName
  const password = textOf(body.password)
  if (name !== pathName)
    throw new Fault('BAD_REQUEST', { why: `the path names "${pathName}", the body "${name}"` })
  if (password === undefined) throw new Fault('BAD_REQUEST', { why: 'a password is required' })
  const known = await registry.accounts.verifyPassword(name, password, address)
  if (known && (await registry.twoFactor.isActive(known.id))) {
    if (otp === undefined) throw new Fault('OTP_REQUIRED', {})
    await registry.twoFactor.verify(known, otp, address)
  }
  if (known) return issue(registry, { name, address, created: false })
  const email = textOf(body.email)
  if (!signUp || isLogin) throw new Fault('WRONG_PASSWORD', { why: refusal(signUp) })
  if (await registry.accounts.find(name))
    throw new Fault('WRONG_PASSWORD', { why: email === undefined ? refusal(signUp) : taken(name) })
  const by = { actor: name, address }
  await registry.signUp.open({ name, password, email: email ?? '', by })
  return issue(registry, { name, address, created: true })
}

function refusal(signUp: boolean): string {
  const wrong = 'The user name or the password is wrong.'
  return signUp
    ? `${wrong} To make an account: npm adduser --auth-type=legacy`
    : `${wrong} New accounts are made by the administrator here.`
}

/** For who means to make an account, and so tells an address; that the name is taken is no secret where anybody may try to take it. */
function taken(name: string): string {
  return `The name "${name}" is taken, and this is not its password. Choose another name, or log in: npm login --auth-type=legacy`
}

async function issue(
  registry: Registry,
  { name, address, created }: { name: string; address: string; created: boolean },
): Promise<Login> {
  const request = {
    accountName: name,
    description: 'npm login',
    access: 'publish',
    lifetime: LOGIN_LIFETIME,
    by: { actor: name, address },
  } as const
  const { secret } = await registry.tokens.issue(request)
  return { name, token: secret, created }
}
