import { expect, test } from 'vitest'
import { testApp } from '../../support/app.ts'
import { noBrowser, openBrowser, openTab } from '../../support/browser.ts'

const SCRIPT = `"'></code></textarea></title><script>alert(1)</script><img src=x onerror=alert(2)>`

const README = `# ${SCRIPT}
<script>alert(3)</script><iframe src="/www/admin"></iframe><style>body{display:none}</style>
<form action="https://elsewhere.example/"><input name=password></form>
<a href="javascript:alert(4)" onclick="alert(5)">one</a> [two](javascript:alert(6)) [three](data:text/html,x)
![four](https://elsewhere.example/track.gif) ![five](javascript:alert(7)) ![six](//elsewhere.example/x.png)
![seven](../../../../admin) [eight](//elsewhere.example/) <svg onload=alert(8)></svg> <base href="https://elsewhere.example/">
`

const MANIFEST = {
  description: SCRIPT,
  keywords: [SCRIPT, 'plain'],
  license: SCRIPT,
  homepage: 'javascript:alert(9)',
  repository: { type: 'git', url: 'javascript:alert(10)' },
  bugs: { url: 'data:text/html,<script>alert(11)</script>' },
  scripts: { postinstall: SCRIPT },
}

const FILE = `<img src=x onerror=alert(12)>.js`

test.skipIf(noBrowser)('nothing that a package says runs, frames or calls anybody', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const release = (more: string) => ({
    manifest: { ...MANIFEST, dependencies: { bad: more } },
    files: {
      'README.md': README,
      [FILE]: `/* ${SCRIPT} ${more} */\n<b>${SCRIPT}</b>\n`,
      'evil.svg': `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(13)</script></svg>`,
      'evil.html': '<script>alert(14)</script>',
    },
  })
  for (const version of ['1.0.0', '1.0.1'])
    expect((await kim.publish('@kim/evil', version, release(`^${version}`))).status).toBe(201)
  await using opened = await openBrowser()
  await using visit = await openTab(opened.browser)
  const { tab, complaints } = visit
  const calls: string[] = []
  const asked: string[] = []
  tab.on('dialog', (dialog) => {
    calls.push(dialog.message())
    void dialog.dismiss()
  })
  tab.on('request', (request) => asked.push(request.url()))
  const evil = '/www/package/@kim/evil'
  for (const path of [
    '/',
    `/www/search?q=${encodeURIComponent(SCRIPT)}`,
    '/www/search?q=plain',
    evil,
    `${evil}/versions`,
    `${evil}/dependencies`,
    `${evil}/v/1.0.1/files`,
    `${evil}/v/1.0.1/files/${encodeURIComponent(FILE)}`,
    `${evil}/v/1.0.1/files/evil.svg`,
    `${evil}/v/1.0.1/raw/evil.html`,
    `${evil}/v/1.0.1/raw/evil.svg`,
    `${evil}/diff?from=1.0.0&to=1.0.1`,
    `/www/package/${encodeURIComponent(SCRIPT)}`,
    '/www/namespace/kim',
  ]) {
    await tab.goto(app.url + path)
    const dangers = await tab
      .locator('main :is(script, iframe, style, form[action^=http], base, [onclick], [onerror], [onload])')
      .count()
    expect(dangers, path).toBe(0)
    const hrefs = await tab
      .locator('main a')
      .evaluateAll((links) => links.map((it) => it.getAttribute('href')))
    expect(
      hrefs.filter((href) => /^\s*(?:javascript|data|vbscript):/i.test(`${href}`)),
      path,
    ).toEqual([])
    expect(await tab.locator('main img[src^="http"]').count(), path).toBe(0)
  }
  expect(calls).toEqual([])
  expect(asked.filter((url) => !url.startsWith(app.url) && !url.startsWith('data:'))).toEqual([])
  expect(complaints.filter((it) => !/status of 40[04]|sandboxed|Content Security Policy/.test(it))).toEqual(
    [],
  )
})
