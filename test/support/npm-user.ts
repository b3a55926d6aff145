import { type Entry, packageTarball, sha1, sha512 } from './tarball.ts'

export type Release = {
  readonly manifest?: object
  readonly files?: Readonly<Record<string, Entry>>
  readonly tag?: string
  /** Changes the document before it is sent. */
  readonly spoil?: (document: PublishDocument) => void
  readonly tarball?: Buffer
}

// A publish document as clients send it; tests spoil any part of it.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type PublishDocument = Record<string, any>
export type Reply = {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Buffer
  readonly json: PublishDocument
}

/** A client speaking the npm protocol with one account's token. */
export class NpmUser {
  readonly url: string
  readonly name: string
  readonly token: string | undefined

  constructor(url: string, name: string, token: string | undefined) {
    this.url = url
    this.name = name
    this.token = token
  }

  async send(
    method: string,
    path: string,
    options: { body?: string | FormData | Uint8Array | object; headers?: Record<string, string> } = {},
  ): Promise<Reply> {
    const { body } = options
    const plain =
      body === undefined || typeof body === 'string' || body instanceof FormData || body instanceof Uint8Array
    const response = await fetch(this.url + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
        ...(plain ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body: plain ? (body as string) : JSON.stringify(body) }),
    })
    const bytes = Buffer.from(await response.arrayBuffer())
    const isJson = response.headers.get('content-type')?.includes('json') && bytes.length > 0
    return {
      status: response.status,
      headers: response.headers,
      bytes,
      json: isJson ? JSON.parse(bytes.toString()) : {},
    }
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Reply> {
    return this.send('GET', path, { headers })
  }

  /** Publishes as npm does. */
  async publish(name: string, version: string, release: Release = {}): Promise<Reply> {
    return this.send('PUT', `/${name.replace('/', '%2f')}`, {
      body: await publishDocument(name, version, release),
      headers: { 'npm-command': 'publish' },
    })
  }
}

/** The document `npm publish` sends. */
export async function publishDocument(
  name: string,
  version: string,
  release: Release = {},
): Promise<PublishDocument> {
  const manifest = { name, version, ...release.manifest }
  const tarball = release.tarball ?? (await packageTarball(manifest, release.files ?? { 'index.js': '' }))
  const document: PublishDocument = {
    _id: name,
    name,
    'dist-tags': { [release.tag ?? 'latest']: version },
    versions: {
      [version]: {
        ...manifest,
        _id: `${name}@${version}`,
        dist: {
          integrity: sha512(tarball),
          shasum: sha1(tarball),
          tarball: `http://elsewhere.invalid/${name}/-/${name}-${version}.tgz`,
        },
      },
    },
    access: null,
    _attachments: {
      [`${name}-${version}.tgz`]: {
        content_type: 'application/octet-stream',
        data: tarball.toString('base64'),
        length: tarball.length,
      },
    },
  }
  release.spoil?.(document)
  return document
}
