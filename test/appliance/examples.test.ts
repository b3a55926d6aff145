import { execFile } from 'node:child_process'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { PROGRAM, SCRIPT } from '../support/server-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

// The vitest example is no copy of anything: its tests run here as they stand.
import '../../examples/vitest/install.test.ts'

test('the monorepo rehearses its release', async () => {
  await using place = await temporaryFolder()
  await cp(join(import.meta.dirname, '../../examples/monorepo'), place.path, { recursive: true })
  const env = { PATH: process.env.PATH ?? '', HOME: place.path }
  const args = [...SCRIPT, 'fixture', '--', join(place.path, 'rehearse.sh')]
  const { stdout } = await promisify(execFile)(PROGRAM, args, { env })
  expect(stdout).toContain('Hello, stranger!')
})
