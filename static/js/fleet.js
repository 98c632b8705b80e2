// The fleet's filter. A changed filter goes to the page's address and to what the page watches, without leaving the page.
// What is watched begins with the whole present state, so nothing is missed in between.

import { connection } from "./connection.js";

const DEFAULT = "order=attention"; // left out of the address

const address = (form) => {
  const fields = [...new FormData(form)].filter(([name, value]) => value && `${name}=${value}` !== DEFAULT);
  const search = new URLSearchParams(fields).toString();
  return search ? `?${search}` : location.pathname;
};

const form = document.querySelector("#fleet-filter");

form.addEventListener("htmx:after:request", (event) => {
  if (event.detail.ctx.sourceElement !== form || !event.detail.ctx.response.raw.ok) return;
  history.replaceState(null, "", address(form));
  const watched = new URL(connection.stream.dataset.path, location.href); // names the page's language
  for (const [name, value] of new URLSearchParams(location.search)) watched.searchParams.append(name, value);
  connection.watch(watched.pathname + watched.search);
});
