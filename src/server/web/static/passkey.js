// Forms that a passkey fills in: without a script, or without passkeys in the browser, they are not there.
const known = globalThis.PublicKeyCredential
for (const form of document.querySelectorAll('form[data-passkey]')) {
  if (!known?.parseCreationOptionsFromJSON) continue
  form.hidden = false
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    try {
      form.elements.credential.value = JSON.stringify(await ask(form.dataset))
      form.submit()
    } catch {
      form.querySelector('[role="status"]').textContent = 'No passkey was given.'
    }
  })
}

function ask({ passkey, act }) {
  const options = JSON.parse(passkey)
  return act === 'create'
    ? navigator.credentials.create({ publicKey: known.parseCreationOptionsFromJSON(options) })
    : navigator.credentials.get({ publicKey: known.parseRequestOptionsFromJSON(options) })
}
