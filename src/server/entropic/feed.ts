import { setTimeout as pause } from 'node:timers/promises'
import { type Millis, seconds } from '../../base/time.ts'
import type { ChangePage } from '../../registry/discovery.ts'

/** How often a waiting follower's question is asked again: another process may have written the change. */
const EVERY = seconds(0.5)

/** Asks until there is something new, `wait` is over or the follower is gone. */
export async function newChanges(
  ask: () => Promise<ChangePage>,
  { wait, gone }: { wait: Millis; gone: AbortSignal },
): Promise<ChangePage> {
  for (let left = wait; ; left -= EVERY) {
    const page = await ask()
    if (page.changes.length > 0 || left <= 0 || gone.aborted) return page
    await pause(Math.min(EVERY, left), undefined, { signal: gone }).catch(() => undefined)
  }
}
