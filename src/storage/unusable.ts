/** Something the storage stands on cannot be used; the message says what the owner of the machine must mend. */
export class Unusable extends Error {}

const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ISSUER/

/**
 * What the network did to whoever tried to reach a server, as it completes "cannot be used: …". `address` and `ca` are the options to
 * look at.
 */
export function networkTrouble(error: unknown, { address, ca }: { address: string; ca: string }): string {
  const code = codeOf(error)
  if (UNTRUSTED.test(code))
    return `its certificate is not trusted (${code}); name the certificate of whoever signed it in ${ca}`
  if (/SSL|EPROTO/.test(code)) return `it does not speak TLS as ${address} says (${code})`
  return `it does not answer${code && ` (${code})`}; look at ${address}`
}

/** Whether it came of a certificate: nothing that passes by itself. */
export function isDistrust(error: unknown): boolean {
  return UNTRUSTED.test(codeOf(error))
}

/** The code of what went wrong on the network; of several attempts to connect, of the first. */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError && !('code' in error)) return codeOf(error.errors[0])
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
