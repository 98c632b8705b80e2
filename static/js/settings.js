// A charger's settings, and two chargers' compared, may be thousands, and are not pushed: the stream brings their version.
// If the list that is shown is of another version, the page fetches it.

import { viewerOf } from "./answers.js";

const INTERVAL_MS = 2000; // without it, each part of a long report would bring the whole list

const list = document.querySelector("[data-settings-url]");
const newest = document.querySelector("[data-settings-version]");
let asked = list.dataset.version; // the answer is of this version or of a newer one
let isUnderWay = false;

const follow = async () => {
  const version = newest.dataset.settingsVersion;
  if (isUnderWay || version === asked) return;
  isUnderWay = true;
  try {
    const response = await fetch(list.dataset.settingsUrl);
    if (response.ok && !response.redirected && viewerOf(response) !== null) {
      await htmx.swap({ text: await response.text(), sourceElement: list, swap: "none" });
      asked = version;
    }
  } catch {
    // The network is away: the next attempt follows.
  }
  setTimeout(() => {
    isUnderWay = false;
    follow();
  }, INTERVAL_MS);
};

document.addEventListener("htmx:after:swap", follow);
