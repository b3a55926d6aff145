import type { Action, MenuEntry, Mood, View } from './electron-api.ts'
import type { Status } from './program.ts'
import type { ServerState } from './supervisor.ts'

/** All that the menu depends on. */
export type Facts = {
  readonly state: ServerState
  /** The tray's own. */
  readonly version: string
  readonly status: Status | undefined
  /** Whether npm asks us. */
  readonly npm: 'ours' | 'not ours'
  readonly prefetching: string | undefined
  readonly startsAtLogin: boolean
}

const line: MenuEntry = { kind: 'line' }

export function viewOf(facts: Facts): View {
  const { title, mood } = headOf(facts)
  return { mood, tooltip: title, menu: menuOf(facts, title) }
}

function menuOf(facts: Facts, title: string): MenuEntry[] {
  const { state, status, npm, startsAtLogin, version } = facts
  const runs = state.kind === 'running'
  const isOffline = status?.mode === 'offline'
  const known = runs && status !== undefined
  const other = runs && state.server.version !== version
  return [
    text(title),
    ...(other ? [text(`It is Entropic ${state.server.version}; this is ${version}`)] : []),
    ...(known ? storedLines(status) : []),
    line,
    ...(runs && state.setup !== undefined ? [item('Make the First Account…', 'setup')] : []),
    item('Open the Website', 'website', { enabled: runs }),
    item('Copy the Address', 'copy', { enabled: runs }),
    item('Log In…', 'log-in', { enabled: runs }),
    line,
    check('Use as My npm Registry', 'npm', { enabled: runs || npm === 'ours', checked: npm === 'ours' }),
    check('Offline', 'offline', { enabled: known, checked: isOffline }),
    prefetchItem(facts),
    line,
    ...serverItems(state),
    check('Start at Login', 'login-item', { enabled: true, checked: startsAtLogin }),
    item('Show the Log', 'logs'),
    line,
    item('Quit', 'quit'),
  ]
}

function headOf({ state, status }: Facts): { title: string; mood: Mood } {
  switch (state.kind) {
    case 'stopped':
      return { title: 'Entropic is stopped', mood: 'idle' }
    case 'starting':
      return { title: 'Entropic is starting…', mood: 'idle' }
    case 'running': {
      const { host } = new URL(state.server.url)
      const offline = status?.mode === 'offline' ? ', offline' : ''
      return { title: `Entropic runs on ${host}${offline}`, mood: 'well' }
    }
    case 'taken':
      return { title: `Port ${state.port} is taken by another program`, mood: 'trouble' }
    case 'waiting':
      return { title: 'Entropic crashed and starts again', mood: 'trouble' }
    case 'failed':
      return { title: `Entropic cannot start: ${shortened(state.why)}`, mood: 'trouble' }
  }
}

function storedLines({ stored }: Status): MenuEntry[] {
  const { packages, tarballs, bytes, saved } = stored
  if (packages === 0) return [text('Nothing is stored yet')]
  const lines = [
    `${count(packages, 'package')}, ${count(tarballs, 'tarball')} stored (${sizeOf(bytes)})`,
    `${sizeOf(saved)} saved by storing the same only once`,
  ]
  return (saved > 0 ? lines : lines.slice(0, 1)).map(text)
}

function prefetchItem({ state, status, prefetching }: Facts): MenuEntry {
  if (prefetching !== undefined) return text(`Prefetching ${prefetching}…`)
  const enabled = state.kind === 'running' && status !== undefined
  return item("Prefetch a Project's Lock File…", 'prefetch', { enabled })
}

function serverItems(state: ServerState): MenuEntry[] {
  switch (state.kind) {
    case 'running':
      // Whoever started another server may end it.
      return state.own
        ? [item('Restart', 'restart'), item('Stop', 'stop')]
        : [text('It was started elsewhere')]
    case 'taken':
      return [item('Use Another Port', 'other-port'), item('Try Again', 'start')]
    case 'waiting':
      return [item('Start Now', 'start'), item('Stop', 'stop')]
    case 'starting':
      return [item('Stop', 'stop')]
    default:
      return [item('Start', 'start')]
  }
}

function text(label: string): MenuEntry {
  return { kind: 'text', label }
}

function item(label: string, action: Action, { enabled } = { enabled: true }): MenuEntry {
  return { kind: 'item', label, action, enabled }
}

function check(
  label: string,
  action: Action,
  { enabled, checked }: { enabled: boolean; checked: boolean },
): MenuEntry {
  return { kind: 'check', label, action, enabled, checked }
}

const count = (number: number, what: string) =>
  `${number.toLocaleString('en')} ${what}${number === 1 ? '' : 's'}`

const shortened = (sentence: string) => (sentence.length > 80 ? `${sentence.slice(0, 79)}…` : sentence)

/** Bytes as people read them; a kB is 1000 of them. */
function sizeOf(bytes: number): string {
  const format = { style: 'unit', unitDisplay: 'short', maximumFractionDigits: 1 } as const
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1)
  return (bytes / 1000 ** power).toLocaleString('en', { ...format, unit: units[power] ?? 'byte' })
}
