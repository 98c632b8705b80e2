// Leads from a connector's page to the session that the driver has begun there, as soon as it is pushed.

const lead = () => {
  const address = document.querySelector("[data-leads-to]")?.dataset.leadsTo;
  if (address) location.replace(address); // going back does not return to a start that is over
};

lead();
document.addEventListener("htmx:after:swap", lead);
