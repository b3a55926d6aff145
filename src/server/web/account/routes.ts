import Router from '@koa/router'
import { changeEmail, changePassword, endSessions, showAccount, unlinkIdentity } from './account.ts'
import { arrive } from './arrival.ts'
import { answer, showConfirm } from './challenge.ts'
import { showLog } from './log.ts'
import { giveCode, login, loginByPasskey, logout, showCode, showLogin } from './login.ts'
import { type AccountDoor, forUser } from './parts.ts'
import { addPasskey, removePasskey } from './passkeys.ts'
import { changeSecondFactor, showSecondFactor } from './second-factor.ts'
import { showSignUp, signUp } from './sign-up.ts'
import { judgeStaged, sendStaged, showStaged } from './staged.ts'
import { createToken, revokeToken, showTokens } from './tokens.ts'
import { addWebhook, redeliver, removeWebhook, showWebhook, showWebhooks } from './webhooks.ts'

/** Logging in and out, and what people change about themselves: every page and every form, a line each. */
export function accountRoutes(door: AccountDoor): Router {
  const router = new Router({ prefix: '/www' })
  router.get('/login', (ctx) => showLogin(ctx, door))
  router.post('/login', (ctx) => login(ctx, door))
  router.post('/login/passkey', (ctx) => loginByPasskey(ctx, door))
  router.get('/login/code', (ctx) => showCode(ctx, door))
  router.post('/login/code', (ctx) => giveCode(ctx, door))
  router.get('/login/confirm', forUser(door, showConfirm))
  router.post('/login/answer', forUser(door, answer))
  router.get('/login/providers/:provider', (ctx) => door.providers.begin(ctx))
  router.get('/login/providers/:provider/callback', (ctx) => arrive(ctx, door))
  router.post('/logout', (ctx) => logout(ctx, door))
  router.get('/signup', (ctx) => showSignUp(ctx, door))
  router.post('/signup', (ctx) => signUp(ctx, door))
  router.get('/tokens', forUser(door, showTokens))
  router.post('/tokens', forUser(door, createToken))
  router.post('/tokens/revoke', forUser(door, revokeToken))
  router.get('/account', forUser(door, showAccount))
  router.post('/account/email', forUser(door, changeEmail))
  router.post('/account/password', forUser(door, changePassword))
  router.post('/account/sessions', forUser(door, endSessions))
  router.post('/account/identities', forUser(door, unlinkIdentity))
  router.get('/account/second-factor', forUser(door, showSecondFactor))
  router.post('/account/second-factor', forUser(door, changeSecondFactor))
  router.post('/account/passkeys', forUser(door, addPasskey))
  router.post('/account/passkeys/remove', forUser(door, removePasskey))
  router.get('/staged', forUser(door, showStaged))
  router.post('/staged', forUser(door, judgeStaged))
  router.get('/staged/:id.tgz', forUser(door, sendStaged))
  router.get('/webhooks', forUser(door, showWebhooks))
  router.post('/webhooks', forUser(door, addWebhook))
  router.get('/webhooks/:id', forUser(door, showWebhook))
  router.post('/webhooks/:id/redeliver', forUser(door, redeliver))
  router.post('/webhooks/:id/remove', forUser(door, removeWebhook))
  router.get('/account/log', forUser(door, showLog))
  return router
}
