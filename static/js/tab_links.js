// A tab's way to the browser's event stream: through the SharedWorker or, where there is none, over a stream of the tab's
// own. Each link has `post(message)`, and passes the stream's messages on to its tab.

const WORKER_URL = new URL("stream_worker.js", import.meta.url);
const MAX_OWN_STREAMS = 3; // of a browser's six connections: with more, pages and presses would wait for them

// Returns a link through the worker, null if there can be none; `failed` is called if the worker does not start.
export const openSharedLink = (take, failed) => {
  let worker;
  try {
    worker = new SharedWorker(WORKER_URL, { type: "module", name: document.body.dataset.version });
  } catch {
    return null; // there is no SharedWorker here, or none is allowed
  }
  worker.onerror = failed;
  worker.port.onmessage = ({ data }) => take(data);
  return { post: (message) => worker.port.postMessage(message) };
};

// Without a SharedWorker (Chrome on Android), the tabs that are shown have streams of their own, a few in all, which locks
// count. Another tab polls until one is free; so does every tab where locks are missing, too.
export const openOwnLink = (take) => {
  const tab = { send: take };
  const loaded = import("./shared_stream.js").then(({ SharedStream }) => new SharedStream());
  let release = null;
  let isAsking = false;
  let isWatching = false;

  const watch = async (message) => {
    isWatching = true;
    if (isAsking) return;
    isAsking = true;
    release ??= await takePlace();
    isAsking = false;
    if (!isWatching) leave();
    else if (release) (await loaded).take(tab, message);
  };
  const leave = async () => {
    isWatching = false;
    release?.();
    release = null;
    (await loaded).take(tab, { kind: "leave" });
  };
  const post = async (message) => {
    if (message.kind === "watch") watch(message);
    else if (message.kind === "leave") leave();
    else (await loaded).take(tab, message);
  };
  return { post };
};

const takePlace = async () => {
  for (let number = 1; number <= MAX_OWN_STREAMS; number++) {
    const release = await takeLock(`polaris-stream-${number}`);
    if (release) return release;
  }
  return null;
};

const takeLock = (name) =>
  new Promise((resolve) => {
    const held = (lock) => lock && new Promise((release) => resolve(release));
    const request = navigator.locks?.request(name, { ifAvailable: true }, held);
    if (request)
      request.then(
        () => resolve(null),
        () => resolve(null),
      );
    else resolve(null);
  });
