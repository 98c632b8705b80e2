// The SharedWorker that holds the browser's event stream: one for all tabs, for as long as there is any.

import { SharedStream } from "./shared_stream.js";

const stream = new SharedStream();

addEventListener("connect", ({ ports: [port] }) => {
  const tab = { send: (message) => port.postMessage(message) };
  port.onmessage = ({ data }) => stream.take(tab, data);
});
