import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { launchAgent, systemdUnit } from '../../../src/server/commands/service-files.ts'
import { PROGRAM, SCRIPT } from '../../support/server-process.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

test('a unit runs the very words it was given', () => {
  const unit = systemdUnit(['/opt/my tools/entropic', 'serve', '--cache-dir=/a "b"/100%/$HOME\\x'])
  expect(unit).toContain(
    'ExecStart="/opt/my tools/entropic" "serve" "--cache-dir=/a \\"b\\"/100%%/$$HOME\\\\x"\n',
  )
})

const noSystemd = existsSync('/usr/bin/systemd-analyze') ? undefined : 'systemd-analyze is not installed'

test.skipIf(noSystemd)('systemd finds nothing wrong with a unit', async () => {
  await using place = await temporaryFolder()
  const unit = join(place.path, 'entropic.service')
  await writeFile(unit, systemdUnit([process.execPath, 'serve', '--cache-dir=/a "b"/100%/$HOME\\x']))
  const env = { XDG_RUNTIME_DIR: place.path, PATH: '/usr/bin:/bin' }
  const checked = promisify(execFile)('systemd-analyze', ['--user', 'verify', unit], { env })
  await expect(checked).resolves.toEqual({ stdout: '', stderr: '' })
})

test('a launch agent does, too', () => {
  expect(launchAgent(['/opt/a & b', 'serve'])).toContain(
    '<string>/opt/a &amp; b</string>\n    <string>serve</string>',
  )
})

test.skipIf(process.platform !== 'linux')('installs, tells and uninstalls with systemd', async () => {
  await using home = await temporaryFolder()
  // What systemd does is systemd's; this notes what it is told.
  await writeFile(join(home.path, 'systemctl'), '#!/bin/sh\necho "$@" >> "$HOME/told"\n', { mode: 0o755 })
  const entropic = (...args: readonly string[]) =>
    promisify(execFile)(PROGRAM, [...SCRIPT, 'service', ...args], {
      env: { HOME: home.path, PATH: `${home.path}:/bin` },
      cwd: home.path,
    })
  await expect(entropic('status')).rejects.toMatchObject({
    code: 1,
    stdout: 'The service is not installed.\n',
  })
  await entropic('install', '--port', '4000', '--cache-dir', 'here')
  const unit = await readFile(join(home.path, '.config/systemd/user/entropic.service'), 'utf8')
  expect(unit).toContain(`"serve" "--cache-dir=${home.path}/here" "--port=4000"\n`)
  expect((await entropic('status')).stdout).toContain('and runs')
  await entropic('uninstall')
  await expect(entropic('uninstall')).rejects.toMatchObject({ code: 1 })
  expect((await readFile(join(home.path, 'told'), 'utf8')).split('\n').slice(0, 3)).toEqual([
    '--user daemon-reload',
    '--user enable --now entropic.service',
    '--user is-active --quiet entropic.service',
  ])
})

test('bash completes commands and flags', async () => {
  const { stdout } = await promisify(execFile)(PROGRAM, [...SCRIPT, 'completion', 'bash'])
  const complete = async (...words: readonly string[]) => {
    const typed = `COMP_WORDS=(entropic ${words.join(' ')}); COMP_CWORD=${words.length}; _entropic`
    const script = `${stdout}\n${typed}; echo "\${COMPREPLY[@]}"`
    return (await promisify(execFile)('bash', ['-c', script])).stdout.trim()
  }
  expect(await complete('us')).toBe('user')
  expect(await complete('user', 'l')).toBe('list')
  expect(await complete('gc', '--d')).toBe('--dry-run')
  expect(await complete('serve', '--upstream-')).toBe('--upstream-timeout')
})
