import { readdir, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { NpmUser } from '../../support/npm-user.ts'
import { makeToken, runCommand, ServerProcess } from '../../support/server-process.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { startUpstream } from '../../support/upstream.ts'

test('doctor is content with a sound registry and names what was damaged', async () => {
  await using folder = await temporaryFolder()
  await publishOne(folder.path)
  expect(await runCommand(folder.path, 'doctor')).toMatch(/✓ {2}content .*all as they were stored/)
  const [blob = ''] = await blobsIn(folder.path)
  await truncate(blob)
  await expect(runCommand(folder.path, 'doctor')).rejects.toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/✗ {2}content .*1 damaged; .*changed: /),
  })
})

test('doctor brings back from upstream what was lost', async () => {
  await using folder = await temporaryFolder()
  await using upstream = await startUpstream({ packages: { 'left-pad': { '1.3.0': {} } } })
  await using server = await ServerProcess.start({ folder: folder.path, upstream: upstream.url })
  for (const path of ['/left-pad', '/left-pad/-/left-pad-1.3.0.tgz'])
    expect((await fetch(server.url + path)).status).toBe(200)
  await server.stop()
  const lost = await blobsIn(folder.path)
  for (const blob of lost) await rm(blob)
  expect(await runCommand(folder.path, 'doctor', '--repair', '--upstream', upstream.url)).toMatch(
    `${lost.length} were repaired`,
  )
  expect(await blobsIn(folder.path)).toEqual(lost)
})

test('doctor says what to do where there is no data', async () => {
  await using folder = await temporaryFolder()
  await expect(runCommand(join(folder.path, 'absent'), 'doctor')).rejects.toMatchObject({
    code: 1,
    stdout: expect.stringContaining('Start the server once'),
  })
})

test('gc leaves alone what is in use, and what is younger than a day', async () => {
  await using folder = await temporaryFolder()
  await publishOne(folder.path)
  const before = await blobsIn(folder.path)
  expect(await runCommand(folder.path, 'gc', '--dry-run')).toBe(
    'Would delete 0 files that nothing refers to (0 bytes).',
  )
  expect(await runCommand(folder.path, 'gc')).toBe('Deleted 0 files that nothing refers to (0 bytes).')
  expect(await blobsIn(folder.path)).toEqual(before)
})

async function publishOne(folder: string): Promise<void> {
  await using server = await ServerProcess.start({ folder })
  const kim = new NpmUser(server.url, 'kim', await makeToken(folder, 'kim'))
  expect((await kim.publish('@kim/box', '1.0.0')).status).toBe(201)
  await server.stop()
}

async function blobsIn(folder: string): Promise<string[]> {
  const entries = await readdir(join(folder, 'blobs'), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}
