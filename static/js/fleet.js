// The fleet's filter. A changed filter goes to the page's address and to its stream, without leaving the page. The stream
// is opened again for the new filter; it begins with the whole present state, so nothing is missed in between.

import { drop, skipDelay } from "./hx_sse.js";

const DEFAULT = "order=attention"; // left out of the address

class FilteredStream {
  request = null; // htmx's for the stream: hx-sse connects again to the address in it
  connection = null;
  isStale = false; // the open stream may be of the filter before

  constructor(stream) {
    this.stream = stream;
    stream.addEventListener("htmx:config:request", (event) => {
      this.request = event.detail.ctx.request;
      this.request.action = this.url;
    });
    stream.addEventListener("htmx:sse:before:connection", (event) => {
      this.connection = event.detail.connection;
      if (this.isStale) skipDelay(this.connection);
      this.isStale = false;
    });
    stream.addEventListener("htmx:sse:after:message", () => {
      if (this.isStale) drop(this.connection);
    });
  }

  get url() {
    return this.stream.dataset.path + location.search;
  }

  reopen() {
    this.stream.setAttribute("hx-sse:connect", this.url); // where the page polls, too, if no stream comes through
    if (this.request) this.request.action = this.url;
    this.isStale = true;
    drop(this.connection);
  }
}

const address = (form) => {
  const fields = [...new FormData(form)].filter(([name, value]) => value && `${name}=${value}` !== DEFAULT);
  const search = new URLSearchParams(fields).toString();
  return search ? `?${search}` : location.pathname;
};

const form = document.querySelector("#fleet-filter");
const stream = new FilteredStream(document.querySelector("#stream"));

form.addEventListener("htmx:after:request", (event) => {
  if (event.detail.ctx.sourceElement !== form || !event.detail.ctx.response.raw.ok) return;
  history.replaceState(null, "", address(form));
  stream.reopen();
});
