import { Fault } from '../base/fault.ts'
import type { Tx } from '../storage/sql/database.ts'
import { deleteStaged, stagedId } from '../storage/tables/staged.ts'

/**
 * Inside the transaction of a publish: a number that is staged is free for the staged version alone, which is staged no longer then. FORBIDDEN,
 * NOT_FOUND when somebody approved or rejected it meanwhile.
 */
export async function takeStagedNumber(
  tx: Tx,
  npmName: string,
  { version, staged }: { version: string; staged: string | undefined },
): Promise<void> {
  const held = await stagedId(tx, npmName, version)
  if (held !== undefined && held !== staged)
    throw new Fault('FORBIDDEN', { why: `${npmName}@${version} is staged. Approve or reject it.` })
  if (staged !== undefined && !(await deleteStaged(tx, staged)))
    throw new Fault('NOT_FOUND', { what: `staged version ${staged}` })
}
