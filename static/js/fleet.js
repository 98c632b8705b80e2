// The fleet's filter: what is chosen goes to the page's address and to its stream, without leaving the page. The stream
// begins anew for the new filter; what it brings first is the whole present state, so nothing is missed in between.
(() => {
  "use strict";

  const stream = document.querySelector("#stream");
  const form = document.querySelector("#fleet-filter");
  if (!stream || !form) return;

  let request = null; // htmx's own for the stream: hx-sse asks again for whatever stands in it
  let connection = null;
  let isStale = false; // what is open may have been asked for by the old filter

  const wanted = () => stream.dataset.path + location.search;

  const chosen = () => {
    const said = [...new FormData(form)].filter(([name, value]) => value && `${name}=${value}` !== "order=attention");
    const search = new URLSearchParams(said).toString();
    return search ? `?${search}` : location.pathname;
  };

  const watchAnew = () => {
    stream.setAttribute("hx-sse:connect", wanted()); // which is also what is asked for where no stream comes through
    if (request) request.action = wanted();
    isStale = true;
    connection?.reader?.cancel();
  };

  stream.addEventListener("htmx:config:request", (event) => {
    request = event.detail.ctx.request;
    request.action = wanted();
  });
  stream.addEventListener("htmx:sse:before:connection", (event) => {
    connection = event.detail.connection;
    if (isStale) setTimeout(() => connection.delayCanceller?.()); // nothing is broken: there is nothing to wait for
    isStale = false;
  });
  stream.addEventListener("htmx:sse:after:message", () => {
    if (isStale) connection.reader?.cancel();
  });

  form.addEventListener("htmx:after:request", (event) => {
    if (event.detail.ctx.sourceElement !== form || !event.detail.ctx.response.raw.ok) return;
    history.replaceState(null, "", chosen());
    watchAnew();
  });
})();
