import type { Issuer } from '../../registry/trust/issuers.ts'
import { TRUST_TYPES } from '../../registry/trust/rules.ts'
import { type Kind, webAddress } from './kinds.ts'

/** A build server by its sort and its issuer's address, as in `gitlab=https://gitlab.example`. */
export const issuer: Kind<Issuer> = {
  allowed: `${TRUST_TYPES.join('=, ')}= with an http:// or https:// address after it`,
  read(it, cwd) {
    const [, sort, address = ''] = /^([a-z]+)=(.+)$/.exec(it) ?? []
    const type = TRUST_TYPES.find((one) => one === sort)
    const url = webAddress.read(address, cwd)
    return type && url !== undefined ? { type, url } : undefined
  },
}
