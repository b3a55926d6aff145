import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { hours, minutes } from '../../src/base/time.ts'
import { bits, der, integer, octets, oid, sequence, set, TRUE, text, time } from './der.ts'

export type Certified = {
  readonly der: Buffer
  /** As PEM. */
  readonly cert: string
  readonly key: string
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}
/** What a certificate is for: a host, an address, a page. */
export type AlternativeName = { readonly dns: string } | { readonly ip: string } | { readonly uri: string }
export type Extension = { readonly oid: string; readonly value: Buffer; readonly critical?: true }
export type CertificateWish = {
  readonly commonName: string
  readonly names?: readonly AlternativeName[]
  /** One extension more, made from the certificate's text without it. */
  readonly seal?: (unsealed: Buffer) => Extension
}

type Text = {
  readonly serial: Buffer
  readonly issuer: string
  readonly subject: string
  readonly from: number
  readonly publicKey: KeyObject
  readonly extensions: readonly Extension[]
}

const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'))
const IS_AUTHORITY: Extension = { oid: '2.5.29.19', value: sequence(TRUE), critical: true }

/** Certifies others, with keys on P-256; nobody trusts it but those who are told to. */
export class Authority {
  readonly own: Certified
  readonly #name: string

  constructor(name: string) {
    this.#name = name
    const keys = newKeys()
    const extensions = [IS_AUTHORITY]
    const own = { ...this.#about(name), publicKey: keys.publicKey, extensions }
    this.own = certified(own, { keys, by: keys.privateKey })
  }

  issue({ commonName, names = [], seal }: CertificateWish): Certified {
    const keys = newKeys()
    const extensions = names.length === 0 ? [] : [alternativeNames(names)]
    const plain = { ...this.#about(commonName), publicKey: keys.publicKey, extensions }
    const whole = seal ? { ...plain, extensions: [...extensions, seal(textOf(plain))] } : plain
    return certified(whole, { keys, by: this.own.privateKey })
  }

  #about(subject: string) {
    const serial = Buffer.concat([Buffer.of(1), randomBytes(8)])
    return { serial, issuer: this.#name, subject, from: Date.now() - minutes(5) }
  }
}

export function newKeys() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

/** The public key as everybody writes it down (SubjectPublicKeyInfo). */
export function publicBytes(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}

function certified(what: Text, { keys, by }: { keys: ReturnType<typeof newKeys>; by: KeyObject }): Certified {
  const written = textOf(what)
  const whole = sequence(written, ECDSA_WITH_SHA256, bits(sign('sha256', written, by)))
  const lines = whole.toString('base64').replace(/.{64}(?=.)/g, '$&\n')
  return {
    ...keys,
    der: whole,
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** What is signed of a certificate: https://www.rfc-editor.org/rfc/rfc5280#section-4.1 */
function textOf({ serial, issuer, subject, from, publicKey, extensions }: Text): Buffer {
  return sequence(
    der(0xa0, integer(Buffer.of(2))),
    integer(serial),
    ECDSA_WITH_SHA256,
    named(issuer),
    sequence(time(from), time(from + hours(2))),
    named(subject),
    publicBytes(publicKey),
    der(0xa3, sequence(...extensions.map(written))),
  )
}

const named = (commonName: string) => sequence(set(sequence(oid('2.5.4.3'), text(commonName))))

function written({ oid: id, value, critical }: Extension): Buffer {
  return sequence(oid(id), ...(critical ? [TRUE] : []), octets(value))
}

function alternativeNames(names: readonly AlternativeName[]): Extension {
  return { oid: '2.5.29.17', value: sequence(...names.map(alternativeName)) }
}

function alternativeName(name: AlternativeName): Buffer {
  if ('dns' in name) return der(0x82, Buffer.from(name.dns))
  if ('uri' in name) return der(0x86, Buffer.from(name.uri))
  return der(0x87, Buffer.from(name.ip.split('.').map(Number)))
}
