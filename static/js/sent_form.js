// Stands on the answer to a form, except one that could not be stored: that one stays, to be sent again. In the history, the
// answer becomes the page that the form was on, so that Back and a reload ask for that: what was sent is kept nowhere, since
// pages are not cached, and is not sent a second time.

const isOurs = document.referrer.startsWith(`${location.origin}/`);
history.replaceState(null, "", isOurs ? document.referrer : location.href);
