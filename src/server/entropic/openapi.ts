import { document } from './document.ts'
import type { Route } from './route.ts'
import { MEDIA_TYPES, ref, schemas } from './schemas.ts'

/** The row that serves the description of all rows, itself among them. */
export function openApiRoute(rows: () => readonly Route[]): Route {
  return {
    method: 'GET',
    path: '/openapi.json',
    summary: 'This API as an OpenAPI document.',
    answers: { 200: 'OpenApi', 304: '' },
    handle: async (ctx) => document(ctx, openApi(rows(), String(ctx.state.address))),
  }
}

/** OpenAPI 3.1, generated from the route table. */
export function openApi(rows: readonly Route[], address: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const row of rows) {
    const path = row.path.replace(/[:*](\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: operation(row) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Entropic API', version: '1.0.0' },
    servers: [{ url: `${address}/v1` }, { url: address }],
    paths,
    components: {
      schemas,
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  }
}

function operation({ summary, path, query, body, answers, method }: Route): object {
  const inPath = [...path.matchAll(/[:*](\w+)/g)].map(([, name]) => parameter(name ?? '', 'path'))
  const inQuery = Object.entries(query ?? {}).map(([name, about]) => parameter(name, 'query', about))
  const responses = Object.entries(answers).map(([status, name]) => [status, response(name)])
  const failure = { description: 'A failure', content: json('Fault') }
  return {
    summary,
    parameters: [...inPath, ...inQuery],
    ...(body === undefined ? {} : { requestBody: { content: content(body) } }),
    responses: { ...Object.fromEntries(responses), default: failure },
    ...(method === 'GET' ? {} : { security: [{ token: [] }] }),
  }
}

function parameter(name: string, place: 'path' | 'query', description?: string): object {
  const about = description === undefined ? {} : { description }
  return { name, in: place, required: place === 'path', schema: { type: 'string' }, ...about }
}

function response(name: string): object {
  return name === '' ? { description: 'Nothing more to say' } : { description: name, content: content(name) }
}

function content(name: string): object {
  if (name in schemas) return json(name)
  return { [MEDIA_TYPES[name] ?? name]: { schema: { type: 'string', format: 'binary' } } }
}

function json(name: string): object {
  return { 'application/json': { schema: ref(name) } }
}
