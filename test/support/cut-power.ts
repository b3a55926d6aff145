import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** Ends a process as a power cut would; one that has ended already, or never was, is left alone. */
export async function cutPower(child: ChildProcess | undefined): Promise<void> {
  if (child?.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
