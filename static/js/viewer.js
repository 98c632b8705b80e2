// Lets every tab of a browser follow at once when somebody signs out, or another person signs in, in one of them: also a
// page that no stream serves. Each page that is opened tells the others its viewer; a page of another one asks the server.

import { isSending, viewerOf } from "./answers.js";

const TIMEOUT_MS = 10_000;
const NOBODY = "none"; // as the server's mark has it

const viewer = document.body.dataset.viewer; // none on an error page, which knows no viewer
const channel = viewer && new BroadcastChannel("polaris-viewer");

// The server's word counts, not the other page's, which may be the older one. A form that is being filled in to sign in
// stays. The address is opened anew: a reload could send a form again.
const follow = async () => {
  try {
    const response = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
    const present = viewerOf(response);
    if (present !== null && present !== viewer && !isSending()) location.replace(location.pathname + location.search);
  } catch {
    // The network is away: the stream, or the next press, notices it later.
  }
};

if (channel) {
  if (viewer !== NOBODY) channel.onmessage = ({ data }) => data !== viewer && follow();
  channel.postMessage(viewer);
}
