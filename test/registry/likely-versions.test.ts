import { expect, test } from 'vitest'
import { likelyVersions } from '../../src/registry/likely-versions.ts'

const patches = (minors: number) =>
  Array.from({ length: minors }, (_, minor) => [`1.${minor}.0`, `1.${minor}.1`, `1.${minor}.2-rc.1`]).flat()

test('few versions are wanted all', () => {
  expect(likelyVersions(['1.0.0', '2.0.0-beta'], {})).toEqual(['1.0.0', '2.0.0-beta'])
})

test('of many, the newest release of each line is wanted, and what is tagged', () => {
  const wanted = likelyVersions(patches(20), { next: '1.3.2-rc.1', old: '1.0.0', lost: '9.0.0' })
  const newest = Array.from({ length: 20 }, (_, minor) => `1.${minor}.1`)
  expect([...wanted].sort()).toEqual([...newest, '1.3.2-rc.1', '1.0.0'].sort())
})

test('of very many lines, the newest forty are wanted', () => {
  const wanted = likelyVersions(patches(100), {})
  expect(wanted).toHaveLength(40)
  expect(wanted[0]).toBe('1.99.1')
  expect(wanted.at(-1)).toBe('1.60.1')
})
