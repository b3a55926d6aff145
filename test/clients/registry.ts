import { testApp } from '../support/app.ts'
import { NpmUser } from '../support/npm-user.ts'
import { executable, makeToken, ServerProcess } from '../support/server-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** What the clients are pointed at. */
export interface Registry extends AsyncDisposable {
  readonly url: string
  /** A new account with a token that may publish. */
  user(name: string): Promise<NpmUser>
}

/** An empty registry: the executable, where ENTROPIC_EXECUTABLE names one, else the app in this process. */
export async function openRegistry(): Promise<Registry> {
  if (executable === undefined) return testApp()
  await using opening = new AsyncDisposableStack()
  const { path: folder } = opening.use(await temporaryFolder())
  const { url } = opening.use(await ServerProcess.start({ folder }))
  const opened = opening.move()
  return {
    url,
    user: async (name) => new NpmUser(url, name, await makeToken(folder, name)),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
