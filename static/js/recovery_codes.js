// Copies or prints the recovery codes that the page shows. Without JavaScript, they are copied by hand.

const ways = document.querySelector("[data-codes-ways]");
const copy = ways.querySelector("[data-copy]");
const status = ways.querySelector("[role=status]");

const text = () =>
  [...document.querySelectorAll(".codes-owner, .codes li")].map((line) => `${line.textContent}\n`).join("");

copy.hidden = !navigator.clipboard; // which browsers have by HTTPS and on localhost alone
copy.addEventListener("click", async () => {
  await navigator.clipboard.writeText(text());
  status.textContent = status.dataset.text;
});
ways.querySelector("[data-print]").addEventListener("click", () => window.print());
ways.hidden = false;
