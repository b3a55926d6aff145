import { createHash, timingSafeEqual } from 'node:crypto'

/** Marks a hash that another registry made; it is replaced by one of ours when its password is first used here. */
const MARK = 'htpasswd:'
const BCRYPT = /^\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}$/
const APR1 = /^\$apr1\$([^$]{1,8})\$[./A-Za-z0-9]{22}$/
const SHA1 = /^\{SHA\}[+/A-Za-z0-9]{27}=$/
/** Longer ones are nobody's, and cost a thousand rounds. */
const MAX_PASSWORD = 1024

/** What to keep of an htpasswd hash so that its password goes on working; undefined for kinds that are not verified here (crypt). */
export function foreignPassword(hash: string): string | undefined {
  return [BCRYPT, APR1, SHA1].some((kind) => kind.test(hash)) ? `${MARK}${hash}` : undefined
}

export function isForeign(stored: string | null | undefined): stored is string {
  return stored?.startsWith(MARK) ?? false
}

/** Whether the password is the one of a hash kept by foreignPassword. */
export async function foreignMatches(password: string, stored: string): Promise<boolean> {
  const hash = stored.slice(MARK.length)
  if (password.length > MAX_PASSWORD) return false
  if (BCRYPT.test(hash)) {
    const { compare } = await import('bcryptjs') // only those who came from elsewhere need it
    return compare(password, hash.replace(/^\$2[axy]?\$/, '$2b$'))
  }
  const salt = APR1.exec(hash)?.[1]
  return same(hash, salt === undefined ? `{SHA}${sha1(password)}` : apr1(password, salt))
}

function same(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
}

const sha1 = (text: string) => createHash('sha1').update(text).digest('base64')

const md5 = (...parts: readonly (string | Buffer)[]) => {
  const hash = createHash('md5')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** Apache's MD5, as apr_md5_encode of the Apache Portable Runtime computes it. */
function apr1(password: string, salt: string): string {
  const word = Buffer.from(password)
  const mixed = md5(word, salt, word)
  const first: (string | Buffer)[] = [word, '$apr1$', salt]
  for (let left = word.length; left > 0; left -= 16) first.push(mixed.subarray(0, Math.min(16, left)))
  for (let bits = word.length; bits > 0; bits >>= 1)
    first.push(bits & 1 ? Buffer.from([0]) : word.subarray(0, 1))
  let digest = md5(...first)
  for (let round = 0; round < 1000; round += 1)
    digest = md5(
      round & 1 ? word : digest,
      round % 3 ? salt : '',
      round % 7 ? word : '',
      round & 1 ? digest : word,
    )
  return `$apr1$${salt}$${crypt64(digest)}`
}

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** The order in which crypt takes the bytes of an MD5. */
const TRIPLES = [
  [0, 6, 12],
  [1, 7, 13],
  [2, 8, 14],
  [3, 9, 15],
  [4, 10, 5],
] as const

function crypt64(digest: Buffer): string {
  const take = (value: number, count: number) =>
    Array.from({ length: count }, (_, at) => ALPHABET[(value >> (6 * at)) & 63]).join('')
  const triples = TRIPLES.map(([a, b, c]) =>
    take((digest.readUInt8(a) << 16) | (digest.readUInt8(b) << 8) | digest.readUInt8(c), 4),
  )
  return triples.join('') + take(digest.readUInt8(11), 2)
}
