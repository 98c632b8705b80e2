// Keeps a page live: guards the order of what comes in, notices a silent stream, reconnects, and says so quietly.
// htmx's hx-sse does the streaming; what it leaves out stands here: a first connect that fails, a stream that is open
// and silent, and the end of a stream that must not be tried again.
(() => {
  "use strict";

  const FIRST_RETRY_MS = 500;
  const LAST_RETRY_MS = 15_000;

  const stream = document.querySelector("#stream");

  // What is older than what is shown is dropped, from a stream or from an answer to a click.
  document.addEventListener("htmx:before:swap", (event) => {
    const {tasks} = event.detail;
    for (let i = tasks.length - 1; i >= 0; i--) {
      const shown = typeof tasks[i].target === "string" ? document.querySelector(tasks[i].target) : tasks[i].target;
      const coming = tasks[i].fragment?.firstElementChild;
      if (shown?.id && shown.id === coming?.id && Number(coming.dataset.revision) < Number(shown.dataset.revision)) {
        tasks.splice(i, 1);
      } else {
        keepNewer(tasks[i].fragment);
      }
    }
  });

  // The same for what is inside of what comes: there, too, an answer to a click may have been faster.
  const keepNewer = (fragment) => {
    for (const coming of fragment?.querySelectorAll("[id][data-revision]") ?? []) {
      const shown = document.getElementById(coming.id);
      if (Number(coming.dataset.revision) < Number(shown?.dataset.revision)) coming.replaceWith(shown.cloneNode(true));
    }
  };

  if (!stream) return;

  const notice = document.querySelector("#connection");
  let connection = null;
  let heardAt = performance.now();
  let silenceMs = 25_000; // until the first heartbeat says how often they come
  let retryMs = FIRST_RETRY_MS;

  const isLive = () => stream.dataset.status === "live";
  const lost = () => (stream.dataset.status = "late");
  const heard = () => {
    heardAt = performance.now();
    stream.dataset.status = "live";
    retryMs = FIRST_RETRY_MS;
  };

  const leave = () => {
    // The server says that this page may not be watched any longer; what it answers to a reload is the truth.
    if (connection) connection.cancelled = true;
    location.reload();
  };

  const retry = () => {
    lost();
    setTimeout(() => htmx.trigger(stream, "polaris:connect"), retryMs * (0.5 + Math.random()));
    retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
  };

  const isGone = (status) => status === 401 || status === 404;

  stream.addEventListener("htmx:sse:before:connection", (event) => {
    connection = event.detail.connection;
  });
  stream.addEventListener("htmx:sse:after:connection", heard);
  stream.addEventListener("htmx:sse:after:message", heard);
  stream.addEventListener("heartbeat", (event) => {
    silenceMs = Number(event.detail.data) * 2000 + 2000;
  });
  stream.addEventListener("signed-out", leave);

  // A connect that failed: the first is htmx's own request, the later ones are hx-sse's, which go on by themselves.
  stream.addEventListener("htmx:response:error", (event) => {
    if (isGone(event.detail.ctx.response.status)) leave();
  });
  stream.addEventListener("htmx:finally:request", () => {
    if (!stream._htmx?.sse) retry();
  });
  stream.addEventListener("htmx:sse:error", (event) => {
    lost();
    if (isGone(event.detail.status)) leave();
  });

  // A stream that is open and silent is none: cancelling its reader makes hx-sse connect anew.
  const watch = () => {
    if (document.hidden) {
      heardAt = performance.now(); // hx-sse rests while the page is hidden
      return;
    }
    const silentMs = performance.now() - heardAt;
    if (silentMs > silenceMs) {
      lost();
      connection?.reader?.cancel();
    }
    show(silentMs);
  };

  const show = (silentMs) => {
    const isLate = !isLive() && silentMs > 3000;
    notice.hidden = !isLate;
    if (!isLate) return;
    // In steps: a status that changes every second is read aloud every second.
    const seconds = Math.floor(silentMs / 10_000) * 10;
    const age = seconds < 60 ? `${Math.max(seconds, 5)} s` : `${Math.floor(seconds / 60)} min`;
    const text = notice.dataset.text.replace("{age}", age);
    if (notice.textContent !== text) notice.textContent = text;
  };

  setInterval(watch, 1000);

  // A page that the browser kept and shows again has no stream any more.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
})();
