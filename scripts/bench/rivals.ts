import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, type Started, startServer } from './process.ts'

/** One reply, as a server that only knows this one repeats it. */
export type RawReply = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** The yardstick: node:http that answers every request with these bytes. */
export function startBare(folder: string, { status, headers, body }: RawReply): Promise<Started> {
  const file = join(folder, 'reply.json')
  writeFileSync(file, JSON.stringify({ status, headers, body: body.toString('base64') }))
  return startServer({ command: [process.execPath, join(import.meta.dirname, 'bare.ts'), file] })
}

/** nginx in one process, serving the same bytes from a file: as fast as a file server gets. */
export async function startNginx(
  folder: string,
  path: string,
  { headers, body }: RawReply,
): Promise<Started> {
  const { 'content-type': type = 'application/octet-stream', 'content-encoding': encoding } = headers
  const sent = encoding === undefined ? '' : `add_header Content-Encoding ${encoding};`
  const place = mkdtempSync(join(folder, 'nginx-'))
  writeFileSync(join(place, 'body'), body)
  return nginxServing(
    place,
    `location = ${path} { alias ${place}/body; types {} default_type "${type}"; ${sent} }`,
  )
}

/** nginx over a folder that is laid out as a registry's paths are; a package's document is `index.json` in its folder. */
export function startNginxOver(folder: string): Promise<Started> {
  const place = mkdtempSync(join(folder, 'nginx-'))
  return nginxServing(
    place,
    `location / { root ${folder}; types {} default_type application/json; try_files $uri $uri/index.json =404; }`,
  )
}

async function nginxServing(place: string, locations: string): Promise<Started> {
  const port = await freePort()
  writeFileSync(
    join(place, 'nginx.conf'),
    `daemon off; master_process off; pid ${place}/pid; error_log ${place}/error.log;
events { worker_connections 512; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
  client_body_temp_path ${place}; proxy_temp_path ${place}; fastcgi_temp_path ${place}; uwsgi_temp_path ${place}; scgi_temp_path ${place};
  server {
    listen 127.0.0.1:${port};
    ${locations}
  }
}
`,
  )
  const url = `http://127.0.0.1:${port}`
  return startServer({ command: ['nginx', '-p', place, '-c', join(place, 'nginx.conf')], url })
}

/** verdaccio as it comes, from a folder that it is installed in, without an upstream. */
export async function startVerdaccio(folder: string, installed: string): Promise<Started> {
  const port = await freePort()
  const place = join(folder, `verdaccio-${port}`)
  mkdirSync(place)
  const config = join(place, 'config.yaml')
  writeFileSync(
    config,
    `storage: ${place}/storage
auth: { htpasswd: { file: ${place}/htpasswd } }
packages: { "**": { access: $all, publish: $authenticated } }
max_body_size: 100mb
log: { type: stdout, format: json, level: error }
`,
  )
  const bin = join(installed, 'node_modules/verdaccio/bin/verdaccio')
  const url = `http://127.0.0.1:${port}`
  return startServer({
    command: [process.execPath, bin, '--config', config, '--listen', `127.0.0.1:${port}`],
    url,
  })
}

/** An account there, by npm's way of adding one; resolves with its token. */
export async function newUser(url: string, name: string): Promise<string> {
  const response = await fetch(`${url}/-/user/org.couchdb.user:${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password: 'bench-password', email: `${name}@example.org` }),
  })
  const { token } = (await response.json()) as { token?: string } // npm's answer to adduser
  if (token === undefined) throw new Error(`no account: ${response.status}`)
  return token
}
