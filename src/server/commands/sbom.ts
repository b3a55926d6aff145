import { isCheckout, readAsset } from '../assets.ts'
import { Failure } from '../failure.ts'
import type { Call } from './command.ts'

/** The build puts both lists into the executable. */
export async function sbom({ flags }: Call): Promise<number> {
  if (isCheckout)
    throw new Failure(
      'This is a checkout: package-lock.json lists what it is made of, npm run build makes the list.',
    )
  process.stdout.write(readAsset('licences' in flags ? 'licences.txt' : 'sbom.cdx.json'))
  return 0
}
