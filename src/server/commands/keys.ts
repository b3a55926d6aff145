import { iso, systemClock } from '../../base/time.ts'
import { rotated, Signer } from '../../registry/signer.ts'
import { openConfiguredStorage, requireDataFolder } from '../open.ts'
import { changeSigningKey } from '../secrets.ts'
import type { Call } from './command.ts'

/** The last key stays listed: what it signed until now is checked with it. */
export async function rotateKey({ settings: { config } }: Call): Promise<number> {
  await requireDataFolder(config)
  await using storage = await openConfiguredStorage(config)
  const pem = await changeSigningKey(config, storage, (kept) => rotated(kept, iso(systemClock.now())))
  const { key, keys } = new Signer(pem)
  process.stdout.write(
    `${key.keyid} signs from the server's next start on; ${keys.length - 1} before it stay listed\n`,
  )
  return 0
}
