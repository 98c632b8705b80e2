// Lets a person walk along a session's curve, reading by reading: by mouse, by touch, and by the keyboard's arrows, Home and
// End. It is a slider over the picture, which screen readers announce as it moves. It is no part of the pushed fragment, so
// no morph takes its focus. The readings are fetched when somebody looks, and again when the picture has changed meanwhile.

import { viewerOf } from "./answers.js";
import { locale } from "./server_clock.js";

const REFRESH_INTERVAL_MS = 1000;
const FETCH_TIMEOUT_MS = 10_000;
const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };

const time = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });

class Reader {
  points = []; // where each is, from 0 to 1, its instant and its words
  index = -1;
  pointer = null; // where the pointer is, from 0 to 1, if it is what reads
  revision = null; // of the picture that the points are of
  isFetching = false;

  constructor(frame) {
    this.frame = frame;
    this.slider = frame.querySelector("[role=slider]");
    this.words = frame.querySelector("output");
    this.slider.addEventListener("focus", () => this.look());
    this.slider.addEventListener("blur", () => this.leave());
    this.slider.addEventListener("keydown", (event) => this.key(event));
    for (const kind of ["pointerenter", "pointermove", "pointerdown"])
      this.slider.addEventListener(kind, (event) => this.point(event));
    // A finger that is lifted leaves, too, and its reading stays.
    this.slider.addEventListener("pointerleave", ({ pointerType }) => pointerType === "mouse" && this.unpoint());
    document.addEventListener("htmx:after:swap", () => this.redrawn());
    new ResizeObserver(() => this.place()).observe(frame);
    this.redrawn();
  }

  // The part of the picture that changes with it: of a push that leaves the rest as it was, the only one.
  get drawnRevision() {
    return this.frame.querySelector(".curve__recent")?.dataset.revision;
  }

  get isActive() {
    return this.pointer !== null || this.slider.matches(":focus");
  }

  // Lies over the picture, which has a size of its own in each window.
  place() {
    const picture = this.frame.querySelector(".curve__svg")?.getBoundingClientRect();
    this.slider.hidden = !picture;
    if (!picture) return;
    const frame = this.frame.getBoundingClientRect();
    const { style } = this.slider;
    style.insetInlineStart = `${picture.left - frame.left}px`;
    style.insetBlockStart = `${picture.top - frame.top}px`;
    style.inlineSize = `${picture.width}px`;
    style.blockSize = `${picture.height}px`;
  }

  redrawn() {
    this.place();
    if (this.isActive) this.look();
  }

  leave() {
    this.index = -1;
    this.pointer = null;
    this.show();
  }

  // The mouse has gone: the keyboard reads on if it is there.
  unpoint() {
    this.pointer = null;
    if (!this.slider.matches(":focus")) this.leave();
  }

  async look() {
    if (this.index < 0) this.go(this.points.length - 1);
    if (this.isFetching || this.revision === this.drawnRevision) return;
    this.isFetching = true;
    const revision = this.drawnRevision;
    const points = await this.fetched();
    if (points) {
      this.revision = revision;
      this.take(points);
      if (!this.isActive) this.leave();
    }
    setTimeout(() => {
      this.isFetching = false;
      if (this.isActive) this.look();
    }, REFRESH_INTERVAL_MS);
  }

  async fetched() {
    try {
      const response = await fetch(this.frame.dataset.points, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
      return response.ok && viewerOf(response) !== null ? (await response.json()).points : null;
    } catch {
      return null; // it is asked again
    }
  }

  // Stays under the pointer, else at the instant that is read, or at the newest.
  take(points) {
    const isNewest = this.index < 0 || this.index === this.points.length - 1;
    const at = this.points[this.index]?.[1];
    this.points = points;
    if (this.pointer !== null) return this.go(this.nearest());
    const same = points.findLastIndex(([, instant]) => instant <= at);
    this.go(isNewest ? points.length - 1 : Math.max(0, same));
  }

  go(index) {
    this.index = Math.min(Math.max(index, 0), this.points.length - 1);
    this.show();
  }

  key(event) {
    const last = this.points.length - 1;
    const to = { Home: 0, End: last }[event.key] ?? (event.key in STEPS ? this.index + STEPS[event.key] : null);
    if (to === null || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.pointer = null;
    this.go(to);
  }

  point(event) {
    const { left, width } = this.slider.getBoundingClientRect();
    this.pointer = (event.clientX - left) / width;
    this.go(this.nearest());
    this.look();
  }

  nearest() {
    const distances = this.points.map(([x]) => Math.abs(x - this.pointer));
    return distances.indexOf(Math.min(...distances));
  }

  show() {
    const [x, at, words] = this.points[this.index] ?? [];
    const text = words?.replace("{time}", time.format(new Date(at))) ?? "";
    this.slider.classList.toggle("is-reading", words !== undefined);
    this.slider.style.setProperty("--at", `${(x ?? 0) * 100}%`);
    this.slider.setAttribute("aria-valuemax", String(Math.max(0, this.points.length - 1)));
    this.slider.setAttribute("aria-valuenow", String(Math.max(0, this.index)));
    if (text) this.slider.setAttribute("aria-valuetext", text);
    this.words.textContent = text;
  }
}

for (const frame of document.querySelectorAll("[data-points]")) new Reader(frame);
