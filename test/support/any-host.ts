import { request } from 'node:http'
import { text } from 'node:stream/consumers'

/** The status and the body that come back. fetch lets nobody choose the Host. */
export async function ask(
  url: string,
  { method = 'GET', headers }: { method?: string; headers: Record<string, string> },
): Promise<[number | undefined, string]> {
  const { promise, resolve, reject } = Promise.withResolvers<[number | undefined, string]>()
  const asking = request(url, { method, headers }, (reply) => {
    text(reply).then((body) => resolve([reply.statusCode, body]), reject)
  })
  asking.on('error', reject)
  asking.end(method === 'GET' ? undefined : '{}')
  return promise
}
