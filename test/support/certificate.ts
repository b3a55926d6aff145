import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A certificate for 127.0.0.1 that nobody vouches for, with its key: their texts, and their files in `folder`. */
export async function certificate(folder: string) {
  const files = { key: join(folder, 'key.pem'), cert: join(folder, 'cert.pem') }
  const subject = ['-subj', '/CN=storage', '-addext', 'subjectAltName=IP:127.0.0.1']
  const kind = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes']
  await promisify(execFile)('openssl', [...kind, '-keyout', files.key, '-out', files.cert, ...subject])
  return { files, key: await readFile(files.key, 'utf8'), cert: await readFile(files.cert, 'utf8') }
}
