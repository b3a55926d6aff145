import { randomBytes } from 'node:crypto'
import { readdirSync, readlinkSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { expect, test, vi } from 'vitest'
import { testApp } from '../support/app.ts'
import { executable } from '../support/server-process.ts'

/** More than the system takes for a reader who does not read. */
const LARGE = 16_000_000

function dial(url: string): Socket {
  return connect(Number(new URL(url).port), '127.0.0.1')
}

/** A blob itself, not the folder it lies in. */
const BLOB = /\/blobs\/[0-9a-f]{2}\/[0-9a-f]{126}$/

/** Blobs that this process, in which the app runs, holds open. */
function openBlobs(): number {
  const paths = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return '' // closed meanwhile
    }
  })
  return paths.filter((path) => BLOB.test(path)).length
}

// What is open is seen from inside alone.
test.runIf(process.platform === 'linux' && executable === undefined)(
  'downloads asked for ahead hold nothing open until it is their turn, and all come then',
  async () => {
    await using app = await testApp()
    const kim = await app.user('kim')
    await kim.publish('big', '1.0.0', { files: { 'data.bin': incompressible(LARGE) } })
    const { bytes } = await kim.get('/big/-/big-1.0.0.tgz')
    const socket = dial(app.url)
    socket.pause()
    const ask = 'GET /big/-/big-1.0.0.tgz HTTP/1.1\r\nhost: x\r\n'
    socket.write(`${`${ask}\r\n`.repeat(19)}${ask}connection: close\r\n\r\n`)
    await vi.waitUntil(() => openBlobs() > 0)
    expect((await kim.get('/big')).status).toBe(200) // by now all of them were read
    expect(openBlobs()).toBe(1)
    const all = (await buffer(socket)) as Buffer
    expect(all.toString('latin1').match(/HTTP\/1\.1 200 OK/g)).toHaveLength(20)
    expect(all.length).toBeGreaterThan(20 * bytes.length)
    expect(all.subarray(-bytes.length).equals(bytes)).toBe(true)
    await vi.waitUntil(() => openBlobs() === 0)
  },
)

test('a connection that sends hundreds of requests ahead is cut, and others are served', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await kim.publish('big', '1.0.0', { files: { 'data.bin': incompressible(LARGE) } })
  const socket = dial(app.url)
  socket.write('GET /big/-/big-1.0.0.tgz HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(300))
  const ended = new Promise((resolve) => socket.once('close', resolve).on('error', () => undefined))
  let came = 0
  socket.on('data', (chunk) => {
    came += chunk.length
  })
  expect((await kim.get('/big')).status).toBe(200)
  await ended
  expect(came).toBeLessThan(2 * LARGE)
})

test('what is no HTTP is nobody’s bug, and not logged as one', async () => {
  await using app = await testApp() // ends in an error where the app logs one
  for (const body of ['10\r\n{"password":"hun\r\nZZ', 'ZZ\r\n', '5\r\n{"a":']) {
    const socket = dial(app.url)
    socket.on('error', () => undefined)
    socket.end(
      `PUT /-/user/org.couchdb.user:bob HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer ent_secret\r\ntransfer-encoding: chunked\r\n\r\n${body}`,
    )
    await new Promise((resolve) => socket.once('close', resolve).resume())
  }
})

/** Text that stays nearly as large when it is packed. */
const incompressible = (size: number) => randomBytes(size).toString('base64')
