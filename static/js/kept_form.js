// Keeps what is typed into a form that asks for a page: it becomes the address of the form's own page, so that Back shows it.

for (const form of document.querySelectorAll("form[method=get]")) {
  form.addEventListener("submit", () => {
    const address = new URL(location.href);
    for (const [name, value] of new FormData(form)) address.searchParams.set(name, value);
    history.replaceState(null, "", address);
  });
}
