import { createPublicKey, verify } from 'node:crypto'
import { expect, test } from 'vitest'
import { newSigningKey, rotated, Signer } from '../../src/registry/signer.ts'

test('after a change of keys the new one signs, and each before it is listed until when it signed', () => {
  const pem = newSigningKey()
  const first = new Signer(pem)
  const { sig, keyid } = first.sign('box', '1.0.0', 'sha512-x')
  const twice = rotated(rotated(pem, '2026-01-01T00:00:00.000Z'), '2026-02-01T00:00:00.000Z')
  const { key, keys } = new Signer(twice)
  expect(keys.map(({ expires }) => expires)).toEqual([
    null,
    '2026-02-01T00:00:00.000Z',
    '2026-01-01T00:00:00.000Z',
  ])
  expect([keys[0], keys[2]?.keyid]).toEqual([key, keyid])
  const spki = Buffer.from(keys[2]?.key ?? '', 'base64')
  const vouching = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  expect(verify('sha256', Buffer.from('box@1.0.0:sha512-x'), vouching, Buffer.from(sig, 'base64'))).toBe(true)
})
