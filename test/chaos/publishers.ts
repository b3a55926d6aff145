import { type NpmUser, type PublishDocument, publishDocument } from '../support/npm-user.ts'

/** What publishers were told, to be compared with what is there in the end. */
export type Ledger = {
  /** Packages' names → versions → integrity of the tarball that was answered with 201. */
  readonly acknowledged: Map<string, Map<string, string>>
  /** Packages' names → tags → version, where the last word on the tag was an answer. */
  readonly tags: Map<string, Map<string, string>>
  /** Versions that two publishers were told to have published. */
  readonly twice: string[]
  /** Answers that a publisher must never get, as sentences. */
  readonly wrong: string[]
  /** Requests that got no answer or one of a server in distress, and were sent again. */
  repeated: number
  /** Times that somebody else had been faster with a version that many wanted. */
  refused: number
}

export function emptyLedger(): Ledger {
  return { acknowledged: new Map(), tags: new Map(), twice: [], wrong: [], repeated: 0, refused: 0 }
}

/** Every so many of its versions, a publisher tries for one that the others of its package want, too. */
const CONTENDED = 5

/** One publisher: version after version of one package, under a tag of its own, until `over`. */
export async function publish(
  user: NpmUser,
  { id, name, ledger, over }: { id: number; name: string; ledger: Ledger; over: () => boolean },
): Promise<void> {
  for (let turn = 1; !over(); turn++) {
    const contended = turn % CONTENDED === 0
    const version = contended ? `2.0.${turn}` : `1.${id}.${turn}`
    const tag = contended ? 'many' : `by-${id}`
    const files = { 'index.js': `exports.by = ${id}`, 'data.txt': `${version} `.repeat(500) }
    const document = await publishDocument(name, version, { files, tag })
    const status = await insist(user, { name, document, ledger })
    if (status === 201) noteSuccess(ledger, { name, version, tag: contended ? undefined : tag, document })
    else if (status === 403 && contended) ledger.refused += 1
    else ledger.wrong.push(`${name}@${version}: ${status}`)
  }
}

/** Sends until the registry says yes or no; whoever got no answer cannot know, and sends the same again. */
async function insist(
  user: NpmUser,
  { name, document, ledger }: { name: string; document: PublishDocument; ledger: Ledger },
): Promise<number> {
  for (;;) {
    const reply = await user
      .send('PUT', `/${name.replace('/', '%2f')}`, { body: document, headers: { 'npm-command': 'publish' } })
      .catch(() => undefined)
    if (reply && ![429, 502, 503, 504].includes(reply.status)) return reply.status
    ledger.repeated += 1
  }
}

function noteSuccess(
  ledger: Ledger,
  told: { name: string; version: string; tag: string | undefined; document: PublishDocument },
): void {
  const { name, version, tag, document } = told
  const known = ledger.acknowledged.get(name) ?? new Map<string, string>()
  ledger.acknowledged.set(name, known)
  if (known.has(version)) ledger.twice.push(`${name}@${version}`)
  known.set(version, String(document.versions[version].dist.integrity))
  if (tag === undefined) return
  ledger.tags.set(name, (ledger.tags.get(name) ?? new Map<string, string>()).set(tag, version))
}
