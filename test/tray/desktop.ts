import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

/** Needs the Debian packages xvfb, dbus, dbus-x11, openbox, xfce4-panel, xdotool and imagemagick. */
export class Desktop implements AsyncDisposable {
  readonly environment: Readonly<Record<string, string>>
  readonly #children: ChildProcess[]

  private constructor(environment: Record<string, string>, children: ChildProcess[]) {
    this.environment = environment
    this.#children = children
  }

  /** A screen with a panel across its top that has nothing but room for icons. `home` is the user's folder. */
  static async start(home: string, look: 'light' | 'dark'): Promise<Desktop> {
    const children: ChildProcess[] = []
    const config = join(home, '.config')
    await mkdir(join(config, 'xfce4/xfconf/xfce-perchannel-xml'), { recursive: true })
    await mkdir(join(home, 'run'), { mode: 0o700 })
    await writeFile(join(config, 'xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml'), panel(look))
    const screen = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '800x600x24'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    })
    children.push(screen)
    const bus = spawn('dbus-daemon', ['--session', '--nofork', '--print-address=3'], {
      env: {
        PATH: process.env.PATH,
        HOME: home,
        XDG_CONFIG_HOME: config,
        XDG_RUNTIME_DIR: join(home, 'run'),
      },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    })
    children.push(bus)
    const environment = {
      PATH: process.env.PATH ?? '',
      HOME: home,
      DISPLAY: `:${await firstLine(screen)}`,
      DBUS_SESSION_BUS_ADDRESS: await firstLine(bus),
      XDG_CONFIG_HOME: config,
      XDG_RUNTIME_DIR: join(home, 'run'),
      ...(look === 'dark' && { GTK_THEME: 'Adwaita:dark' }),
    }
    bus.once('error', () => undefined)
    // The bus starts the panel's settings by itself, which then need the screen.
    await promisify(execFile)('dbus-update-activation-environment', ['--all'], { env: environment })
    for (const program of ['openbox', 'xfce4-panel'])
      children.push(spawn(program, [], { env: environment, stdio: 'ignore' }))
    const desktop = new Desktop(environment, children)
    await desktop.#untilWatched()
    return desktop
  }

  /** Clicks at the panel's first icon. */
  async click(button: 'left' | 'right', [x, y]: readonly [number, number] = [12, 16]): Promise<void> {
    const number = button === 'left' ? '1' : '3'
    await this.#run('xdotool', 'mousemove', String(x), String(y), 'click', number)
  }

  async press(...keys: readonly string[]): Promise<void> {
    await this.#run('xdotool', 'key', '--delay', '60', ...keys)
  }

  async picture(path: string): Promise<void> {
    await this.#run('import', '-window', 'root', path)
  }

  /** How many pixels there are of about that colour, as in #a8380f, at the panel's left end. */
  async pixelsOf(colour: string): Promise<number> {
    const area = ['-crop', '24x32+0+0', '-fuzz', '6%', '-fill', 'black', '+opaque', colour]
    const rest = ['-fill', 'white', '-opaque', colour, '-format', '%[fx:mean*w*h]', 'info:']
    const { stdout } = await this.#run(
      'bash',
      '-c',
      `import -window root png:- | convert - ${[...area, ...rest].map((it) => `'${it}'`).join(' ')}`,
    )
    return Number(stdout)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children.toReversed()) {
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
  }

  /** Until somebody on the bus takes icons. */
  async #untilWatched(): Promise<void> {
    const ask = [
      '--session',
      '--print-reply',
      '--dest=org.freedesktop.DBus',
      '/',
      'org.freedesktop.DBus.ListNames',
    ]
    for (;;) {
      const { stdout } = await this.#run('dbus-send', ...ask)
      if (stdout.includes('org.kde.StatusNotifierWatcher')) return
      await sleep(100)
    }
  }

  #run(command: string, ...args: readonly string[]): Promise<{ stdout: string }> {
    return promisify(execFile)(command, args, { env: this.environment })
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  const stream = child.stdio[3]
  if (!stream || !('setEncoding' in stream)) throw new Error('started without a pipe')
  for await (const line of createInterface({ input: stream })) return line
  throw new Error('ended without a word')
}

function panel(look: 'light' | 'dark'): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="${look === 'dark'}"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="32"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty"><property name="plugin-1" type="string" value="systray"/></property>
</channel>
`
}
