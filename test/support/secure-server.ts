import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type SecureServer = AsyncDisposable & {
  readonly url: string
  /** The file of its certificate, which it made itself. */
  readonly certificate: string
}

/** An HTTPS server on a free loopback port, whose certificate nobody vouches for. */
export async function secureServer(answer: RequestListener = () => {}): Promise<SecureServer> {
  const folder = await mkdtemp(join(tmpdir(), 'entropic-tls-'))
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const kind = ['-x509', '-nodes', '-days', '2', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
  execFileSync('openssl', ['req', ...kind, '-keyout', key, '-out', certificate, ...subject], {
    stdio: 'ignore',
  })
  const server = createServer({ key: await readFile(key), cert: await readFile(certificate) }, answer)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // listening on TCP
  const close = async () => {
    server.close()
    server.closeAllConnections()
    await rm(folder, { recursive: true })
  }
  return { url: `https://127.0.0.1:${port}`, certificate, [Symbol.asyncDispose]: close }
}
