import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** One exchange recorded from the original registry; what belongs to its website is only named. */
export type Exchange = {
  /** `<recording> <number>`. */
  readonly key: string
  readonly label?: string
  readonly method: string
  readonly path: string
  /** `{token:<user>}` stands for that user's token. */
  readonly authorization?: string
  readonly 'content-type'?: string
  readonly 'content-encoding'?: string
  readonly body?: { readonly text?: string; readonly base64?: string; readonly omitted?: string }
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly text?: string
}

export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const HEADERS = ['content-type', 'location', 'retry-after', 'www-authenticate']

export async function exchanges(): Promise<Exchange[]> {
  const text = await readFile(join(import.meta.dirname, 'exchanges.jsonl'), 'utf8')
  // The recording is our own data.
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Exchange)
}

/** Whether it belongs to the website and its login, which another door serves. */
export function isWebsite({ path }: Exchange): boolean {
  return path.startsWith('/www') || path.startsWith('/-/v1/login')
}

/** Sends what the original was sent, with our tokens in place of its own. */
export async function send(
  url: string,
  exchange: Exchange,
  tokens: Readonly<Record<string, string>>,
): Promise<Response> {
  const headers = new Headers()
  for (const name of ['content-type', 'content-encoding'] as const)
    if (exchange[name] !== undefined) headers.set(name, exchange[name])
  const { authorization } = exchange
  if (authorization !== undefined)
    headers.set(
      'authorization',
      authorization.replace(/\{token:(\w+)\}/, (_, user) => tokens[user] ?? ''),
    )
  const body = bodyOf(exchange)
  return fetch(url + exchange.path, {
    method: exchange.method,
    headers,
    redirect: 'manual',
    ...(body === undefined ? {} : { body }),
  })
}

function bodyOf({ body }: Exchange): Uint8Array<ArrayBuffer> | undefined {
  if (body?.text !== undefined) return new Uint8Array(Buffer.from(body.text))
  if (body?.base64 !== undefined) return new Uint8Array(Buffer.from(body.base64, 'base64'))
  // The one body that was too large to keep: a field of more than two mebibytes.
  if (body?.omitted === undefined) return undefined
  const field = `{"a":"${'x'.repeat(2_200_000)}"}`
  const head = '------entropicBoundary\r\nContent-Disposition: form-data; name="dependencies"\r\n\r\n'
  return new Uint8Array(Buffer.from(`${head}${field}\r\n------entropicBoundary--\r\n`))
}

/** What the original answered, as far as it is compared. */
export function recorded(exchange: Exchange): Answer {
  const body = exchange.json === undefined ? (exchange.text ?? '') : JSON.stringify(exchange.json)
  const { status, path, headers = {} } = exchange
  return normal({ status, headers, body: mirrored(path, body) })
}

export async function answered(response: Response): Promise<Answer> {
  const headers = HEADERS.flatMap((name) => {
    const value = response.headers.get(name)
    return value === null ? [] : [[name, value]]
  })
  return normal({
    status: response.status,
    headers: Object.fromEntries(headers),
    body: mirrored(new URL(response.url).pathname, await response.text()),
  })
}

/** Takes out what differs from run to run: dates, the ship's name, the hash of rendered Markdown; and what is not compared: charsets, case of schemes. */
function normal({ status, headers, body }: Answer): Answer {
  const kept = Object.entries(headers).map(([name, value]) => [name, value.replace(/;.*/, '').toLowerCase()])
  const type = (headers['content-type'] ?? '').replace(/;.*/, '')
  return {
    status,
    headers: Object.fromEntries(kept),
    body: type === 'text/plain' && body ? '<ship>' : dated(body),
  }
}

function dated(body: string): string {
  return body
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<date>')
    .replace(/("\.\/readme\.html":)"[^"]+"/g, '$1"<hash>"')
}

/** The packages that the original mirrored are not recorded: ours have other content, hence other hashes. */
function mirrored(path: string, body: string): string {
  return path.includes('/legacy@') ? body.replace(/sha512-[\w+/]{86}==/g, '<hash>') : body
}

/** The body without the error code: the original's is one constant for whatever happened, ours names the fault. */
export function withoutCode(answer: Answer): Answer {
  return { ...answer, body: answer.body.replace(/,"code":"[A-Z_]+"\}$/, '}') }
}
