/** A JSON Schema, as far as this API needs the language. */
export type Schema = {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema
  readonly $ref?: string
}

const text: Schema = { type: 'string' }
const flag: Schema = { type: 'boolean' }
const date: Schema = { type: 'string', description: 'ISO 8601, UTC, with milliseconds' }
const integrity: Schema = { type: 'string', description: 'sha512, as Subresource Integrity writes it' }
const texts: Schema = { type: 'object', additionalProperties: text }

function object(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: 'object', required, properties }
}

export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

/** A list, whole or a page of it. */
function list(items: Schema): Schema {
  const page = { next: flag, prev: flag, total: { type: 'integer' } }
  return object({ objects: { type: 'array', items }, ...page }, Object.keys(page))
}

/** What the JSON of this API looks like, by name. */
export const schemas: Readonly<Record<string, Schema>> = {
  Fault: object({ message: text, code: text }),
  Message: object({ message: text }),
  Username: object({ username: text }),
  Login: object({ loginUrl: text, doneUrl: text }),
  Token: object({ token: text, username: text }),
  Pending: object({}),
  Names: list(text),
  Named: list(object({ name: text })),
  Namespace: object({ name: text }),
  NewNamespace: object({ name: text }),
  Package: object({
    name: { type: 'string', description: 'namespace@host/name, the name percent-encoded' },
    yanked: flag,
    created: date,
    modified: date,
    require_tfa: flag,
    versions: { type: 'object', additionalProperties: integrity },
    tags: texts,
  }),
  Packages: list(ref('Package')),
  PackageSettings: object({ require_tfa: { type: ['boolean', 'null'] } }, ['require_tfa']),
  Version: object(
    {
      files: { type: 'object', additionalProperties: integrity },
      derivedFiles: { type: 'object', additionalProperties: integrity },
      dependencies: texts,
      devDependencies: texts,
      peerDependencies: texts,
      optionalDependencies: texts,
      bundledDependencies: texts,
      created: date,
      modified: date,
      signatures: { type: 'object' },
      yanked: flag,
    },
    ['yanked'],
  ),
  Versions: list(
    object({ version: text, integrity: { type: ['string', 'null'] }, created: date, yanked: flag }),
  ),
  VersionSettings: object({ yanked: flag }),
  Files: list(object({ path: text, integrity, size: { type: 'integer' }, executable: flag })),
  Tags: texts,
  Tag: object({ version: text }),
  Dependencies: list(object({ name: text, range: text, field: text })),
  Changes: object({
    objects: {
      type: 'array',
      items: object({
        seq: { type: 'integer' },
        at: date,
        kind: text,
        name: text,
        detail: { type: 'object' },
      }),
    },
    last: { type: 'integer' },
  }),
  OpenApi: { type: 'object', required: ['openapi', 'info', 'paths'] },
}

/** Answers that are not JSON: name → media type. */
export const MEDIA_TYPES: Readonly<Record<string, string>> = {
  Text: 'text/plain',
  Html: 'text/html',
  Bytes: 'application/octet-stream',
}
