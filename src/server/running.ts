import { randomUUID } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import { seconds } from '../base/time.ts'

/** A server that runs on some data folder. */
export type RunningServer = { readonly url: string; readonly pid: number; readonly version: string }

const PATIENCE = seconds(3)

const fileIn = (folder: string) => join(folder, 'running.json')

/** Writes down, for other programs of the same user, that this process serves the data in `folder` at `url`; the disposable unsays it. */
export async function announce(folder: string, url: string): Promise<AsyncDisposable> {
  const file = fileIn(folder)
  const aside = `${file}.${randomUUID()}`
  const server: RunningServer = { url, pid: process.pid, version: manifest.version }
  await writeFile(aside, JSON.stringify(server), { mode: 0o600 })
  await rename(aside, file)
  return {
    async [Symbol.asyncDispose]() {
      // The latest of several servers on one folder is the one that is known.
      if ((await read(file))?.pid === process.pid) await rm(file, { force: true })
    },
  }
}

/** The server that runs on the data in `folder`; a killed one leaves its word behind, so it must live and answer. */
export async function runningServer(folder: string): Promise<RunningServer | undefined> {
  const server = await read(fileIn(folder))
  return server && isAlive(server.pid) && (await answers(server.url)) ? server : undefined
}

async function read(file: string): Promise<RunningServer | undefined> {
  try {
    // Written by announce, whole or not at all.
    return JSON.parse(await readFile(file, 'utf8')) as RunningServer
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const { ok } = await fetch(`${url}/-/ping`, { signal: AbortSignal.timeout(PATIENCE) })
    return ok
  } catch {
    return false
  }
}
