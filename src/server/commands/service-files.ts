/** What the system runs: a program and its arguments. */
export type ServiceCommand = readonly string[]

export const UNIT = 'entropic.service'
export const LABEL = 'dev.entropic.registry'

/** The text of a systemd user unit. */
export function systemdUnit(command: ServiceCommand): string {
  return `[Unit]
Description=Entropic package registry

[Service]
ExecStart=${command.map(quoted).join(' ')}
Restart=on-failure
NoNewPrivileges=yes
UMask=0077

[Install]
WantedBy=default.target
`
}

/** systemd's own quoting: % and $ stand for themselves when doubled. */
const quoted = (word: string) => `"${word.replace(/["\\]/g, '\\$&').replace(/[%$]/g, '$&$&')}"`

/** The text of a launchd agent. */
export function launchAgent(command: ServiceCommand): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>${LABEL}</string>
  <key>ProgramArguments</key>
  <array>
${command.map((word) => `    <string>${escaped(word)}</string>`).join('\n')}
  </array>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
</dict>
</plist>
`
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
const escaped = (word: string) => word.replace(/[&<>]/g, (letter) => ENTITIES[letter] ?? letter)
