// Forms that are sent with a passkey: asks the server what to ask for, the browser for a passkey, and sends its answer.
// Without JavaScript, or where the browser can do no passkeys, such a form stays hidden.

const isSupported = typeof window.PublicKeyCredential?.parseRequestOptionsFromJSON === "function";

const ask = {
  create: (options) =>
    navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) }),
  get: (options) => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }),
};

const problems = { NotAllowedError: "refused", AbortError: "refused", InvalidStateError: "duplicate" };

const tell = (form, problem) => {
  for (const text of form.querySelectorAll("[data-problem]")) text.hidden = text.dataset.problem !== problem;
};

const answer = async (form) => {
  const { optionsUrl, passkey } = form.dataset;
  const headers = { "X-CSRFToken": form.elements.csrf_token.value };
  const response = await fetch(optionsUrl, { method: "POST", headers, redirect: "manual" });
  if (response.ok) return JSON.stringify(await ask[passkey](await response.json()));
  // Signed out, or to be confirmed again: the page itself is sent where the server wants it.
  if (response.type === "opaqueredirect" || response.status < 500) location.reload();
  throw new Error(`The options were answered with ${response.status}.`);
};

const send = async (form) => {
  const button = form.querySelector("[type=submit]");
  if (button.getAttribute("aria-disabled")) return;
  // aria-disabled, not disabled: a disabled button would drop the keyboard's focus.
  button.setAttribute("aria-disabled", "true");
  tell(form, "");
  try {
    form.elements.credential.value = await answer(form);
    form.submit();
  } catch (error) {
    tell(form, problems[error.name] ?? "failed");
  } finally {
    button.removeAttribute("aria-disabled");
  }
};

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.hidden = !isSupported;
  if (isSupported) form.querySelector("[autofocus]")?.focus(); // the browser focuses nothing that was hidden
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}
for (const text of document.querySelectorAll("[data-passkeys-unsupported]")) text.hidden = isSupported;
