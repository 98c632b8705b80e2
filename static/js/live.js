// Drops a fragment that is older than the one shown, whether a stream or the answer to a click brings it, and completes one
// that brings only the newest rows of a list.

// A fragment stays as it is while fragments inside of it are pushed: it is as new as the newest of them.
const isOlder = (incoming, shown) =>
  [shown, ...(shown?.querySelectorAll("[data-revision]") ?? [])].some(
    (newer) => Number(incoming.dataset.revision) < Number(newer?.dataset.revision),
  );

document.addEventListener("htmx:before:swap", (event) => {
  const { tasks } = event.detail;
  for (let i = tasks.length - 1; i >= 0; i--) {
    const shown = typeof tasks[i].target === "string" ? document.querySelector(tasks[i].target) : tasks[i].target;
    const incoming = tasks[i].fragment?.firstElementChild;
    const isSame = shown?.id && shown.id === incoming?.id;
    if (isSame && (isOlder(incoming, shown) || !complete(incoming, shown))) tasks.splice(i, 1);
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

// Adds the rows that the page has to those that came `since` its newest, and returns true. If its newest is another, the page
// has them already, or it has missed something, and connection.js asks for everything.
const complete = (incoming, shown) => {
  const { since, rows, newest } = incoming.dataset;
  if (since === undefined) return true;
  if (since !== shown.dataset.newest) {
    if (newest !== shown.dataset.newest) document.dispatchEvent(new Event("polaris:missed"));
    return false;
  }
  const older = [...shown.rows].slice(0, Number(rows) - incoming.rows.length);
  incoming.append(...older.map((row) => row.cloneNode(true)));
  delete incoming.dataset.since;
  delete incoming.dataset.rows;
  return true;
};
