import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { whyNoRule } from '../../registry/policy-rows.ts'
import { isRoute } from '../doors.ts'
import { basePathOf } from '../http/address.ts'
import { isLoopback } from './address.ts'

/** How an option's text becomes its value. */
export type Kind<T> = {
  /** What may be written, as it completes "allowed: …". */
  readonly allowed: string
  /** The value; undefined when the text is not allowed. `cwd` is what relative paths start from. */
  read(text: string, cwd: string): T | undefined
  /** Why a text is not allowed, where more can be said than what is; it shows nothing that may be a secret. */
  why?(text: string, cwd: string): string | undefined
}

export const text: Kind<string> = { allowed: 'any text', read: (it) => it }

/** What can stand in an HTTP header. */
export const sentence: Kind<string> = {
  allowed: 'one line of at most 500 printable ASCII characters',
  read: (it) => (/^[\x20-\x7e]{1,500}$/.test(it) ? it : undefined),
}

export const folder: Kind<string> = { allowed: 'a path', read: (it, cwd) => resolve(cwd, it) }

const TRUE = new Set(['true', '1', 'yes', 'on'])
const FALSE = new Set(['false', '0', 'no', 'off'])

export const yesNo: Kind<boolean> = {
  allowed: 'true or false',
  read(it) {
    if (TRUE.has(it.toLowerCase())) return true
    return FALSE.has(it.toLowerCase()) ? false : undefined
  },
}

export function oneOf<const W extends string>(words: readonly W[]): Kind<W> {
  return { allowed: words.join(', '), read: (it) => words.find((word) => word === it) }
}

/** Words with other spellings of the same meaning. */
export function oneOfAs<const W extends string>(words: readonly W[], also: Record<string, W>): Kind<W> {
  return { allowed: words.join(', '), read: (it) => words.find((word) => word === it) ?? also[it] }
}

export function whole(least: number, most = Number.MAX_SAFE_INTEGER): Kind<number> {
  const upTo = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `${least} to ${most}`
  return {
    allowed: `a whole number, ${upTo}`,
    read(it) {
      const value = Number(it)
      return /^\d+$/.test(it) && value >= least && value <= most ? value : undefined
    },
  }
}

/** A whole number, or `Infinity` for no limit. */
export const count: Kind<number> = {
  allowed: 'a whole number, 1 or more, or Infinity',
  read: (it, cwd) => (it === 'Infinity' ? Number.POSITIVE_INFINITY : whole(1).read(it, cwd)),
}

/** How many processes; `auto` is one for each processor. */
export const processes: Kind<number> = {
  allowed: 'auto, or a whole number, 1 to 256',
  read: (it, cwd) => (it === 'auto' ? availableParallelism() : whole(1, 256).read(it, cwd)),
}

const BYTES = { '': 1, b: 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30, tb: 2 ** 40 }
const MILLIS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Bytes; a kb is 1024 of them. */
export const size: Kind<number> = {
  allowed: 'bytes, or a number with kb, mb, gb or tb, as in 512mb',
  read: (it) => amount(it, BYTES),
}

/** Milliseconds. */
export const duration: Kind<number> = {
  allowed: 'a number with ms, s, m, h or d, as in 5m',
  read: (it) => amount(it, MILLIS),
}

function amount(it: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(it) ?? []
  const factor = units[unit?.toLowerCase() ?? '']
  const value = Math.round(Number(number) * (factor ?? Number.NaN))
  return Number.isSafeInteger(value) ? value : undefined
}

/** An address with one of these schemes, as it was written. */
export function urlOf(...schemes: readonly string[]): Kind<string> {
  return {
    allowed: `an address that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
    read(it) {
      const scheme = /^([a-z]+):\/\/./.exec(it)?.[1]
      return scheme && schemes.includes(scheme) && URL.canParse(it) ? it : undefined
    },
  }
}

/** A base address: http or https, perhaps with a path, nothing after it. Without trailing slash. */
export const webAddress: Kind<string> = {
  allowed: 'an http:// or https:// address without user, query or fragment',
  read(it) {
    const url = URL.parse(it)
    if (!url || !/^https?:$/.test(url.protocol) || !/^https?:\/\//i.test(it)) return undefined
    if (url.username || url.password || /[?#]/.test(it)) return undefined
    return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
  },
}

/** As webAddress; a bare host means https, or http on this machine itself. */
export const publicAddress: Kind<string> = {
  allowed: `${webAddress.allowed}, or a host`,
  read(it, cwd) {
    if (it.includes('://')) return webAddress.read(it, cwd)
    const host = URL.parse(`https://${it}`)?.hostname
    if (host === undefined) return undefined
    return webAddress.read(`${isLoopback(host) ? 'http' : 'https'}://${it}`, cwd)
  },
}

/**
 * As publicAddress, for our own: requests may come with its path on them or without, so nobody may be in doubt about which. It stands in a
 * cookie, too.
 */
export const ownPublicAddress: Kind<string> = {
  allowed: `${publicAddress.allowed}; in its path letters, digits, . _ ~ and -, first none of our own, such as v1 or www`,
  read(it, cwd) {
    const address = publicAddress.read(it, cwd)
    if (address === undefined) return undefined
    const [, ...names] = basePathOf(address).split('/')
    const isPlain = names.every((name) => /^[a-z0-9][a-z0-9._~-]*$/i.test(name))
    return isPlain && !isRoute(names[0] ?? '') ? address : undefined
  },
}

/** An address, or one of these words. */
export function webAddressOr<const W extends string>(words: readonly W[]): Kind<string> {
  return {
    allowed: `${webAddress.allowed}, or ${words.join(' or ')}`,
    read: (it, cwd) => words.find((word) => word === it) ?? webAddress.read(it, cwd),
  }
}

/** Several, separated by commas; none in an empty text. */
export function listOf<T>(one: Kind<T>): Kind<readonly T[]> {
  const partsOf = (it: string) => it.split(',').flatMap((part) => part.trim() || [])
  return {
    allowed: `${one.allowed}; several with commas between them`,
    read(it, cwd) {
      const parts = partsOf(it)
      const values = parts.flatMap((part) => one.read(part, cwd) ?? [])
      return values.length === parts.length ? values : undefined
    },
    why: (it, cwd) => partsOf(it).flatMap((part) => one.why?.(part, cwd) ?? [])[0],
  }
}

/** A moment, as milliseconds since 1970. */
export const date: Kind<number> = {
  allowed: 'a date such as 2026-01-31 or 2026-01-31T12:00:00Z',
  read(it) {
    const moment = /^\d{4}-\d\d-\d\d/.test(it) ? Date.parse(it) : Number.NaN
    return Number.isNaN(moment) ? undefined : moment
  },
}

/** A package, or many by `*`, with or without a range of versions. */
export const packageRule: Kind<string> = {
  allowed: 'name, name@range, @scope/*, licence:MIT, install-script:name or misnamed:name',
  read: (it) => (whyNoRule(it) === undefined ? it : undefined),
  why(it) {
    const why = whyNoRule(it)
    return why && `"${it}" is no rule: ${why}`
  },
}

/** A name or address to listen on, without port. */
export const hostName: Kind<string> = {
  allowed: 'a host name or an IP address, without port',
  read: (it) => (/^(?:[a-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*(?:%\w+)?)$/i.test(it) ? it : undefined),
}
