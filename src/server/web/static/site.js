// Copy buttons: they need a script, so without one they are not there.
for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false
  button.addEventListener('click', async () => {
    const done = await copy(button.dataset.copy)
    const was = button.textContent
    button.textContent = done ? 'Copied' : 'Press Ctrl+C'
    setTimeout(() => {
      button.textContent = was
    }, 1500)
  })
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // Plain http has no clipboard but on loopback: select the line for the reader instead.
    const line = document.activeElement?.parentElement?.querySelector('code')
    if (line) getSelection()?.selectAllChildren(line)
    return document.execCommand('copy')
  }
}

// "/" leads to the search field, as in the places people know it from.
document.addEventListener('keydown', (event) => {
  const typing = event.target.closest?.('input, textarea, select, [contenteditable]')
  if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return
  event.preventDefault()
  document.getElementById('q')?.focus()
})

// A file dropped anywhere on its form is given in at once; without a script the field itself takes it.
for (const form of document.querySelectorAll('form[data-drop]')) {
  const over = (event) => {
    event.preventDefault()
    form.classList.toggle('over', event.type === 'dragover')
  }
  form.addEventListener('dragover', over)
  form.addEventListener('dragleave', over)
  form.addEventListener('drop', (event) => {
    over(event)
    form.elements.namedItem('file').files = event.dataTransfer.files
    form.requestSubmit()
  })
}
