export type Files = Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>

/** A publish body as `ds` sends it: dependency fields first, then a part a file, its path percent-encoded. */
export function publishForm(files: Files, fields: Readonly<Record<string, object>> = {}): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, JSON.stringify(value))
  for (const [path, content] of Object.entries(files))
    form.append('entry[]', new File([content], encodeURIComponent(`package/${path}`)))
  form.append('x-clacks-overhead', 'GNU/Terry Pratchett')
  return form
}

/** The same as bytes, with the headers to send them under. */
export async function publishBytes(
  files: Files,
  fields: Readonly<Record<string, object>> = {},
): Promise<{ body: Buffer; headers: Record<string, string> }> {
  const response = new Response(publishForm(files, fields))
  const body = Buffer.from(await response.arrayBuffer())
  return { body, headers: { 'content-type': response.headers.get('content-type') ?? '' } }
}

/** The path of an object of the store. */
export function objectPath(integrity: string): string {
  return `/v1/objects/object/sha512/${encodeURIComponent(integrity.slice('sha512-'.length))}`
}
