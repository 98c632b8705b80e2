// Prints the page. The button is hidden without this module, as it would do nothing.

const button = document.querySelector("#print");

button.hidden = false;
button.addEventListener("click", () => print());
