/** The upstream has no such thing, or (not `known` then) keeps it from us. */
export type Absent = { readonly kind: 'absent'; readonly known: boolean; readonly why: string }

const ABSENT = new Map([
  [401, 'it wants other credentials (401)'],
  [403, 'it refuses access (403)'],
  [404, 'it is not there (404)'],
  [410, 'it is gone (410)'],
  [451, 'it withholds the package for legal reasons (451)'],
])

/** What a status says about the thing asked for, when it says that we cannot have it. */
export function absence(status: number): Absent | undefined {
  const why = ABSENT.get(status)
  return why === undefined ? undefined : { kind: 'absent', known: status === 404 || status === 410, why }
}

/** How a body is encoded, going by its content-encoding; undefined for what nobody asked for. */
export function encodingOf(header: string | undefined): 'identity' | 'gzip' | undefined {
  if (header === undefined || header === '' || header === 'identity') return 'identity'
  return header === 'gzip' || header === 'x-gzip' ? 'gzip' : undefined
}

/** A header that is sent once. */
export function text(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
