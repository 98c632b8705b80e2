// Drops a fragment that is older than the one shown, whether a stream or the answer to a click brings it.

const isOlder = (incoming, shown) => Number(incoming.dataset.revision) < Number(shown?.dataset.revision);

document.addEventListener("htmx:before:swap", (event) => {
  const { tasks } = event.detail;
  for (let i = tasks.length - 1; i >= 0; i--) {
    const shown = typeof tasks[i].target === "string" ? document.querySelector(tasks[i].target) : tasks[i].target;
    const incoming = tasks[i].fragment?.firstElementChild;
    if (shown?.id && shown.id === incoming?.id && isOlder(incoming, shown)) tasks.splice(i, 1);
    else keepNewer(tasks[i].fragment);
  }
});

// Fragments inside the incoming one may be older too: the answer to a click overtakes a push.
const keepNewer = (fragment) => {
  for (const incoming of fragment?.querySelectorAll("[id][data-revision]") ?? []) {
    const shown = document.getElementById(incoming.id);
    if (isOlder(incoming, shown)) incoming.replaceWith(shown.cloneNode(true));
  }
};
