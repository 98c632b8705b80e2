// Lets this device be told, by its browser's push service. Without JavaScript, or where the browser can do no pushes, the
// form to switch it on stays hidden.

const isSupported = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
const READY_TIMEOUT_MS = 10_000; // without it, a browser that keeps no service worker would leave the button waiting

const tell = (form, problem) => {
  for (const text of form.querySelectorAll("[data-problem]")) text.hidden = text.dataset.problem !== problem;
};

const registration = () =>
  Promise.race([
    navigator.serviceWorker.ready,
    new Promise((_, reject) => setTimeout(reject, READY_TIMEOUT_MS, new Error("There is no service worker."))),
  ]);

// A subscription for another key of the server takes nothing of ours.
const subscription = async (applicationServerKey) => {
  const { pushManager } = await registration();
  await (await pushManager.getSubscription())?.unsubscribe();
  return (await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey })).toJSON();
};

const switchOn = async (form) => {
  tell(form, "");
  if ((await Notification.requestPermission()) !== "granted") return tell(form, "denied");
  try {
    const { endpoint, keys } = await subscription(form.dataset.serverKey);
    form.elements.endpoint.value = endpoint;
    for (const name of ["p256dh", "auth"]) form.elements[name].value = keys[name];
    form.submit();
  } catch {
    tell(form, "failed");
  }
};

// The server forgets it whatever the browser does.
const switchOff = async (form) => {
  try {
    const { pushManager } = await registration();
    await (await pushManager.getSubscription())?.unsubscribe();
  } finally {
    form.submit();
  }
};

const actions = { on: switchOn, off: switchOff };
for (const form of document.querySelectorAll("form[data-push]")) {
  if (form.dataset.push === "on") form.hidden = !isSupported;
  form.addEventListener("submit", async (event) => {
    if (!isSupported) return;
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    if (button.getAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    await actions[form.dataset.push](form);
    button.removeAttribute("aria-disabled");
  });
}
for (const text of document.querySelectorAll("[data-push-unsupported]")) text.hidden = isSupported;
