// The states of a page's connection to its event stream, and what each event makes of them. It touches no page and no
// clock: connection.js reports the events and carries out the actions.

// The server says that this page may not be watched any longer; the answer to a reload is the truth.
const REFUSED = ["refused", "reload"];

const TRANSITIONS = {
  // No connection; a timer runs until the next attempt (none at first: htmx makes the first one).
  waiting: {
    request: ["connecting"],
    retry: ["waiting", "connect"],
    hurry: ["waiting", "connect"],
  },
  // htmx asks for the stream.
  connecting: {
    opened: ["open"],
    failed: ["waiting", "retry-later"],
  },
  // The stream is open, but nothing has come over it lately: it may be held back by a proxy, or dead.
  open: {
    message: ["live"],
    lost: ["reconnecting"],
    silent: ["reconnecting", "drop"],
    hurry: ["hurrying", "drop"],
  },
  live: {
    offline: ["open"],
    lost: ["reconnecting"],
    silent: ["reconnecting", "drop"],
    hurry: ["hurrying", "drop"],
  },
  // hx-sse waits before its next attempt, or makes it. It waits for longer each time.
  reconnecting: {
    opened: ["open"],
    message: ["live"],
    hurry: ["hurrying", "skip-delay"],
  },
  // As above, but hx-sse's next delay is skipped.
  hurrying: {
    lost: ["reconnecting", "skip-delay"],
    opened: ["open"],
    message: ["live"],
    hurry: ["hurrying", "skip-delay"],
  },
  refused: {},
  // The stream's element has left the page.
  removed: {},
};
const ENDS = { ended: ["waiting", "retry-later"], refused: REFUSED, removed: ["removed"] };

export const INITIAL = "waiting";
export const STATES = Object.keys(TRANSITIONS);

// Returns the next state and the action to carry out, if any. An event that means nothing in a state changes nothing.
export const transition = (state, event) => {
  const isOver = Object.keys(TRANSITIONS[state]).length === 0;
  const [next, action = null] = TRANSITIONS[state][event] ?? ((!isOver && ENDS[event]) || [state]);
  return { state: next, action };
};
