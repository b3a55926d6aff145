import { readdir } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { all, type MakeDriver, nowhere, openedBlobs } from '../support/blobs.ts'

/** What every place for blobs must do alike. */
export function blobDriverSuite(name: string, make: MakeDriver): void {
  describe(`blob driver (${name})`, () => {
    test('an adopted blob is there and its spool file is gone', async (t) => {
      const { driver, adopt, spool } = await openedBlobs(t, make)
      const digest = await adopt('hello')
      const stream = await driver.open(digest)
      expect(stream && String(await buffer(stream))).toBe('hello')
      expect(await driver.stat(digest)).toMatchObject({ size: 5 })
      expect(await readdir(spool)).toEqual([])
    })

    test('one whose disk nobody waits for is there as well, and is kept', async (t) => {
      const { driver, adopt, spool } = await openedBlobs(t, make)
      const digest = await adopt('soon', { durability: 'soon' })
      const stream = await driver.open(digest)
      expect(stream && String(await buffer(stream))).toBe('soon')
      expect(await driver.stat(digest)).toMatchObject({ size: 4 })
      expect(await all(driver.list())).toContain(digest)
      expect(await readdir(spool)).toEqual([])
      await driver.settled?.()
      expect(await driver.keep(digest)).toBe(true)
      expect(await all(driver.list())).toEqual([digest])
      await driver.remove(digest)
      expect(await driver.open(digest)).toBeUndefined()
    })

    test('a blob that is not here is undefined everywhere', async (t) => {
      const { driver } = await openedBlobs(t, make)
      expect(await driver.open(nowhere)).toBeUndefined()
      expect(await driver.stat(nowhere)).toBeUndefined()
      expect(await driver.keep(nowhere)).toBe(false)
      expect(await all(driver.list())).toEqual([])
      await driver.remove(nowhere)
    })

    test('an empty blob is a blob', async (t) => {
      const { driver, adopt } = await openedBlobs(t, make)
      const stream = await driver.open(await adopt(''))
      expect(stream && (await buffer(stream))).toHaveLength(0)
    })

    test.for([
      { start: 0, end: 0, text: '0' },
      { start: 3, end: 5, text: '345' },
      { start: 9, end: 20, text: '9' },
    ])('the range $start to $end includes both ends', async ({ text, ...range }, t) => {
      const { driver, adopt } = await openedBlobs(t, make)
      const stream = await driver.open(await adopt('0123456789'), range)
      expect(stream && String(await buffer(stream))).toBe(text)
    })

    test('two adopters of the same bytes both succeed and leave one blob', async (t) => {
      const { driver, adopt, spool } = await openedBlobs(t, make)
      const digests = await Promise.all(Array.from({ length: 8 }, () => adopt('twins')))
      expect(await all(driver.list())).toEqual([digests[0]])
      expect(await readdir(spool)).toEqual([])
    })

    test('a blob that is here is kept', async (t) => {
      const { driver, adopt } = await openedBlobs(t, make)
      expect(await driver.keep(await adopt('hello'))).toBe(true)
    })

    test('the list names every blob, and no removed one', async (t) => {
      const { driver, adopt } = await openedBlobs(t, make)
      const digests = await Promise.all(['a', 'b', 'c'].map((text) => adopt(text)))
      expect((await all(driver.list())).sort()).toEqual(digests.toSorted())
      await driver.remove(digests[0] ?? nowhere)
      expect((await all(driver.list())).sort()).toEqual(digests.slice(1).toSorted())
    })

    test('a stream that was open before its blob was removed goes on', async (t) => {
      const { driver, adopt } = await openedBlobs(t, make)
      const digest = await adopt('hello')
      const stream = await driver.open(digest)
      await driver.remove(digest)
      expect(stream && String(await buffer(stream))).toBe('hello')
    })
  })
}
