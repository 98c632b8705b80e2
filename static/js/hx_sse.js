// hx-sse has no public way to connect again at once. These two functions alone use private fields of its connection.

// Ends the open stream; hx-sse then connects again after a delay.
export const drop = (connection) => connection?.reader?.cancel();

// Ends the delay before hx-sse's next attempt. The delay begins after the event that announces the attempt.
export const skipDelay = (connection) => {
  connection?.delayCanceller?.();
  queueMicrotask(() => connection?.delayCanceller?.());
};
