import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { root } from '../appliance/paths.ts'
import { bundleTray } from './bundle.ts'
import { trayFolder } from './paths.ts'

const help = `npm run tray            runs the tray over this checkout
npm run tray -- --bundle      only makes build/tray, for electron-builder

Further arguments go to Electron. ELECTRON_OVERRIDE_DIST_PATH names the folder of another Electron than that in src/tray.`

const args = process.argv.slice(2)
if (args.includes('--help')) console.log(help)
else if (args.includes('--bundle')) await bundleTray()
else await run(electron())

async function run(program: string | undefined): Promise<void> {
  if (program === undefined) {
    console.error(
      'The tray needs Electron, which is not part of the install. Once: npm install --prefix src/tray',
    )
    process.exitCode = 1
    return
  }
  await bundleTray()
  const server = JSON.stringify([root, process.execPath, join(root, 'scripts/entropic.mjs')])
  const child = spawn(program, [...args, trayFolder, `--entropic=${server}`], { stdio: 'inherit' })
  process.on('SIGINT', () => child.kill('SIGTERM')).on('SIGTERM', () => child.kill('SIGTERM'))
  child.once('exit', (code) => {
    process.exitCode = code ?? 1
  })
}

/** Path of Electron's binary, which its package fetches when it is first asked for; undefined when there is no such package. */
function electron(): string | undefined {
  const dist = process.env.ELECTRON_OVERRIDE_DIST_PATH
  if (dist) return join(dist, 'electron')
  const require = createRequire(join(root, 'src/tray/main.ts'))
  try {
    require.resolve('electron')
  } catch {
    return undefined
  }
  return require('electron') as string // all that the package exports
}
