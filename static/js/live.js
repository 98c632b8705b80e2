// Keeps a page live: guards the order of what comes in, notices a silent stream, reconnects, and says so quietly.
// htmx's hx-sse does the streaming; what it leaves out stands here: a first connect that fails, a stream that is open
// and silent, sleep, the spread of many pages that come back at once, the end of a stream that must not be tried again,
// and asking for the same fragments now and then where streams do not come through at all.
(() => {
  "use strict";

  const FIRST_RETRY_MS = 500;
  const LAST_RETRY_MS = 15_000;
  const CONNECT_MS = 10_000;
  const FIRST_SIGN_MS = 5000; // a stream that says nothing for so long at its beginning is held back somewhere
  const SLEPT_MS = 10_000;
  const LATE_MS = 3000;
  const POLL_MS = 5000;

  const stream = document.querySelector("#stream");
  const notice = document.querySelector("#connection");

  // What is older than what is shown is dropped, from a stream or from an answer to a click.
  document.addEventListener("htmx:before:swap", (event) => {
    const { tasks } = event.detail;
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

  htmx.config.sse = { reconnectDelay: FIRST_RETRY_MS, reconnectMaxDelay: LAST_RETRY_MS, connectTimeout: CONNECT_MS };

  let connection = null;
  let isConnecting = false; // by htmx's own request, the first one
  let isUrgent = false; // the next attempt is made at once
  let rightAt = Date.now(); // when what is shown was last known to be true
  let silentSince = Date.now(); // of the stream, while it is open and the page is looked at
  let silenceMs = FIRST_SIGN_MS; // until the first heartbeat says how often they come
  let retryMs = FIRST_RETRY_MS;
  let retryTimer = null;
  let tickedAt = Date.now();
  let isPolling = false;
  let pollAt = 0;

  const isLive = () => stream.dataset.status === "live";
  const lost = () => (stream.dataset.status = "late");
  const heard = () => {
    rightAt = silentSince = Date.now();
    stream.dataset.status = "live";
    retryMs = FIRST_RETRY_MS;
  };

  const leave = () => {
    // The server says that this page may not be watched any longer; what it answers to a reload is the truth.
    if (connection) connection.cancelled = true;
    location.reload();
  };

  const connect = () => {
    clearTimeout(retryTimer);
    if (!isConnecting) htmx.trigger(stream, "polaris:connect");
  };

  const retry = () => {
    lost();
    clearTimeout(retryTimer);
    retryTimer = setTimeout(connect, retryMs * (0.5 + Math.random()));
    retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
  };

  // Whatever is being waited for before the next attempt, it is made now; an open stream is left and opened anew.
  const hurry = () => {
    lost();
    retryMs = FIRST_RETRY_MS;
    if (!stream._htmx?.sse) return connect();
    isUrgent = true;
    connection?.reader?.cancel();
    connection?.delayCanceller?.();
  };

  const isGone = (status) => status === 401 || status === 404;

  stream.addEventListener("htmx:sse:before:connection", (event) => {
    connection = event.detail.connection;
    lost();
    if (isUrgent) queueMicrotask(() => connection.delayCanceller?.());
    isUrgent = false;
  });
  stream.addEventListener("htmx:sse:after:connection", () => {
    silentSince = Date.now();
    silenceMs = FIRST_SIGN_MS;
  });
  stream.addEventListener("htmx:sse:after:message", heard);
  stream.addEventListener("heartbeat", (event) => {
    const [everyS, spreadS] = event.detail.data.split(" ").map(Number);
    silenceMs = everyS * 2000 + 2000;
    // Should the server go away, all its pages come back; each picks its moment beforehand.
    connection.config.reconnectDelay = FIRST_RETRY_MS + Math.random() * spreadS * 1000;
    connection.config.reconnectMaxDelay = Math.max(LAST_RETRY_MS, spreadS * 1000);
  });
  stream.addEventListener("signed-out", leave);

  // A connect that failed: the first is htmx's own request, the later ones are hx-sse's, which go on by themselves.
  stream.addEventListener("htmx:response:error", (event) => {
    if (isGone(event.detail.ctx.response.status)) leave();
  });
  stream.addEventListener("htmx:before:request", () => (isConnecting = true));
  stream.addEventListener("htmx:finally:request", () => {
    isConnecting = false;
    if (!stream._htmx?.sse) retry();
  });
  stream.addEventListener("htmx:sse:close", (event) => {
    if (event.detail.reason === "ended") retry();
  });
  stream.addEventListener("htmx:sse:error", (event) => {
    lost();
    if (isGone(event.detail.status)) leave();
  });

  // The same fragments by a plain request, as long as no stream brings them.
  const poll = async () => {
    isPolling = true;
    const url = new URL(stream.getAttribute("hx-sse:connect"), location.href);
    url.searchParams.set("once", "1");
    const options = { source: notice, target: notice, swap: "none", timeout: CONNECT_MS };
    await htmx.ajax("GET", url.pathname + url.search, options).finally(() => (isPolling = false));
    pollAt = Date.now() + POLL_MS * (0.5 + Math.random());
  };
  notice.addEventListener("htmx:after:request", (event) => {
    const { status } = event.detail.ctx.response;
    if (isGone(status)) leave();
    if (status < 400) rightAt = Date.now();
    else event.preventDefault(); // an error is no news of the page
  });

  const watch = () => {
    const now = Date.now();
    const hasSlept = now - tickedAt > SLEPT_MS;
    tickedAt = now;
    if (document.hidden) return; // hx-sse rests
    if (hasSlept) {
      hurry();
    } else if (now - silentSince > silenceMs) {
      // A stream that is open and silent is none: cancelling its reader makes hx-sse connect anew.
      silentSince = now;
      lost();
      connection?.reader?.cancel();
    }
    if (!isLive() && !isPolling && now - rightAt > POLL_MS && now > pollAt) poll();
    show(now - rightAt);
  };

  const show = (ageMs) => {
    const isLate = !isLive() && (ageMs > LATE_MS || !notice.hidden);
    notice.hidden = !isLate;
    if (!isLate) return;
    // In steps: a status that changes every second is read aloud every second.
    const seconds = Math.floor(ageMs / 10_000) * 10;
    const age = seconds < 60 ? `${Math.max(seconds, 5)} s` : `${Math.floor(seconds / 60)} min`;
    const text = notice.dataset.text.replace("{age}", age);
    if (notice.textContent !== text) notice.textContent = text;
  };

  setInterval(watch, 1000);

  document.addEventListener("visibilitychange", () => {
    silentSince = tickedAt = Date.now();
    lost();
    if (!document.hidden) hurry();
  });
  addEventListener("online", hurry);
  addEventListener("offline", lost);

  // A page that the browser kept and shows again has no stream any more.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
})();
