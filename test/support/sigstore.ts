import { createHash, sign } from 'node:crypto'
import { octets } from './der.ts'
import { Authority, type Extension, newKeys, publicBytes } from './x509.ts'

const IN_TOTO = 'application/vnd.in-toto+json'
const BUNDLE = 'application/vnd.dev.sigstore.bundle+json;version=0.1'
const SIGNED_CERTIFICATE_TIMESTAMPS = '1.3.6.1.4.1.11129.2.4.2'

type Keys = ReturnType<typeof newKeys>

/**
 * What Sigstore is to npm, with keys of its own: an authority that certifies builds (Fulcio), a log of its certificates, and a log of what
 * they signed (Rekor). Whoever trusts its root believes its bundles.
 */
export class Sigstore {
  readonly #authority = new Authority('a certifier of builds')
  readonly #certificateLog = newKeys()
  readonly #log = newKeys()

  /** A bundle (https://docs.sigstore.dev/about/bundle) of a statement that a build at `build` signed. */
  attest(statement: object, build = 'https://git.example/kim/box/.ci/release.yml'): object {
    const { der: rawBytes, privateKey } = this.#authority.issue({
      commonName: 'a build',
      names: [{ uri: build }],
      seal: (unsealed) => this.#certificateTimestamp(unsealed),
    })
    const payload = Buffer.from(JSON.stringify(statement))
    const sig = sign('sha256', Buffer.concat([preamble(payload), payload]), privateKey)
    return {
      mediaType: BUNDLE,
      verificationMaterial: {
        x509CertificateChain: { certificates: [{ rawBytes: base64(rawBytes) }] },
        tlogEntries: [this.#entry(payload, sig)],
      },
      dsseEnvelope: {
        payload: base64(payload),
        payloadType: IN_TOTO,
        signatures: [{ sig: base64(sig), keyid: '' }],
      },
    }
  }

  /** The keys to believe, as Sigstore hands them out (`trusted_root.json`). */
  trustedRoot(): object {
    return {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [logged(this.#log)],
      certificateAuthorities: [
        {
          subject: { organization: 'tests', commonName: 'tests' },
          certChain: { certificates: [{ rawBytes: base64(this.#authority.own.der) }] },
          validFor: { start: '2020-01-01T00:00:00Z' },
        },
      ],
      ctlogs: [logged(this.#certificateLog)],
      timestampAuthorities: [],
    }
  }

  /** https://www.rfc-editor.org/rfc/rfc6962#section-3.2 */
  #certificateTimestamp(unsealed: Buffer): Extension {
    const [version, extensions, moment] = [Buffer.of(0), Buffer.of(0, 0), Buffer.alloc(8)]
    moment.writeBigInt64BE(BigInt(Date.now()))
    const issuer = sha256(publicBytes(this.#authority.own.publicKey))
    const entry = Buffer.concat([Buffer.of(0, 1), issuer, sized(unsealed, 3), extensions])
    const signed = Buffer.concat([version, Buffer.of(0), moment, entry])
    const signature = sized(sign('sha256', signed, this.#certificateLog.privateKey), 2)
    const ecdsaWithSha256 = Buffer.of(4, 3)
    const timestamp = [version, idOf(this.#certificateLog), moment, extensions, ecdsaWithSha256, signature]
    const list = sized(sized(Buffer.concat(timestamp), 2), 2)
    return { oid: SIGNED_CERTIFICATE_TIMESTAMPS, value: octets(list) }
  }

  /** That the log has taken the signature, with its promise to show it. */
  #entry(payload: Buffer, signature: Buffer): object {
    const body = {
      apiVersion: '0.0.1',
      kind: 'dsse',
      spec: {
        payloadHash: { algorithm: 'sha256', value: sha256(payload).toString('hex') },
        signatures: [{ signature: base64(signature) }],
      },
    }
    const canonicalizedBody = base64(canonical(body))
    const [logIndex, integratedTime] = [7, Math.floor(Date.now() / 1000)]
    const logID = idOf(this.#log).toString('hex')
    const promised = canonical({ body: canonicalizedBody, integratedTime, logIndex, logID })
    return {
      logIndex: String(logIndex),
      logId: { keyId: base64(idOf(this.#log)) },
      kindVersion: { kind: body.kind, version: body.apiVersion },
      integratedTime: String(integratedTime),
      inclusionPromise: { signedEntryTimestamp: base64(sign('sha256', promised, this.#log.privateKey)) },
      canonicalizedBody,
    }
  }
}

/** Bytes of JSON with sorted keys, which are what is signed here and there. */
export function canonical(value: object): Buffer {
  const sorted = (_: string, it: unknown) =>
    typeof it === 'object' && it !== null && !Array.isArray(it)
      ? Object.fromEntries(Object.entries(it).sort(([a], [b]) => (a < b ? -1 : 1)))
      : it
  return Buffer.from(JSON.stringify(value, sorted))
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

/** https://github.com/secure-systems-lab/dsse/blob/master/protocol.md */
function preamble(payload: Buffer): Buffer {
  return Buffer.from(`DSSEv1 ${IN_TOTO.length} ${IN_TOTO} ${payload.length} `)
}

function logged(keys: Keys): object {
  return {
    baseUrl: 'https://log.example',
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      rawBytes: base64(publicBytes(keys.publicKey)),
      keyDetails: 'PKIX_ECDSA_P256_SHA_256',
      validFor: { start: '2020-01-01T00:00:00Z' },
    },
    logId: { keyId: base64(idOf(keys)) },
  }
}

const idOf = ({ publicKey }: Keys) => sha256(publicBytes(publicKey))
const base64 = (bytes: Buffer) => bytes.toString('base64')

/** Bytes behind their number, which takes `width` bytes. */
function sized(bytes: Buffer, width: number): Buffer {
  const size = Buffer.alloc(width)
  size.writeUIntBE(bytes.length, 0, width)
  return Buffer.concat([size, bytes])
}
