import { NpmUser } from './npm-user.ts'
import { Visitor } from './visitor.ts'

/** A login that a command line began at `path` of one server, a person allows on another, and the command line asks for on a third. */
export async function logInAcross(
  { begin, allow, finish }: { begin: string; allow: string; finish: string },
  { path, name }: { path: string; name: string },
): Promise<NpmUser> {
  const begun = await new NpmUser(begin, name, undefined).send('POST', path, { body: { hostname: 'laptop' } })
  const [login, done] = [new URL(begun.json.loginUrl), new URL(begun.json.doneUrl)]
  const browser = new Visitor(allow)
  await browser.get(login.pathname + login.search)
  await browser.submit('/www/login', { name, password: `${name}-password` })
  await browser.submit('/www/login/answer', { answer: 'allow' })
  const { json } = await new NpmUser(finish, name, undefined).get(done.pathname + done.search)
  return new NpmUser(finish, name, json.token)
}
