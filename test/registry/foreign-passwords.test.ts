import { expect, test } from 'vitest'
import { foreignMatches, foreignPassword } from '../../src/registry/foreign-passwords.ts'
import { testApp } from '../support/app.ts'

/** Of "anna-password": bcrypt by verdaccio, the others by Apache's and OpenSSL's tools. */
const hashes = {
  bcrypt: '$2a$10$MgntUzyAswg8GkUojPoFUumwBPygER57XKn25p.e4zlOoThXcfAoi',
  sha1: '{SHA}oQY/OA7zQ+olnbeSd+ztLAk3rcs=',
  apr1: '$apr1$Ab12Cd34$3a1ViLAvfj8gm27CmFx9L.',
}

test.for(Object.entries(hashes))('a password kept as %s is recognised, and no other', async ([, hash]) => {
  const stored = foreignPassword(hash) ?? ''
  expect(await foreignMatches('anna-password', stored)).toBe(true)
  expect(await foreignMatches('anna-passwort', stored)).toBe(false)
  expect(await foreignMatches('', stored)).toBe(false)
})

test('a hash of a kind that is not verified here is not kept', () => {
  for (const hash of ['rl0uE0ey2W4Cs', '$6$salt$hash', '', '!']) expect(foreignPassword(hash)).toBeUndefined()
})

test('the first login puts a hash of ours in the place of another registry’s', async () => {
  await using app = await testApp()
  const { accounts } = app.registry
  const foreign = foreignPassword(hashes.apr1) ?? ''
  await accounts.add({ name: 'anna', foreign })
  const before = await accounts.stamp('anna')
  expect(await accounts.verifyPassword('anna', 'wrong', '')).toBeUndefined()
  expect(await accounts.stamp('anna')).toBe(before)
  expect(await accounts.verifyPassword('anna', 'anna-password', '')).toMatchObject({ name: 'anna' })
  expect(await accounts.stamp('anna')).toMatch(/^member scrypt\$/)
  expect(await accounts.verifyPassword('anna', 'anna-password', '')).toMatchObject({ name: 'anna' })
})
