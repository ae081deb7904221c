/* No acting on a stale view: forms marked `data-guard` do not submit while the page is stale, and say why.
 * Buttons are not disabled in the browser's sense, which would take the focus away; what is typed stays.
 */

let stale = false;
const NOTE = "Switched off: this page has lost touch with the server. What you typed is kept.";

export function guard(isStale) {
  stale = isStale;
  for (const form of document.querySelectorAll("form[data-guard]")) show(form);
}

function show(form) {
  for (const button of form.querySelectorAll("button:not([type='button']), input[type='submit']")) {
    if (stale) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }
  const note = form.querySelector(":scope > .guard-note");
  if (!stale) note?.remove();
  else if (!note) {
    const sentence = document.createElement("p");
    sentence.className = "guard-note";
    sentence.textContent = NOTE;
    form.append(sentence);
  }
}

document.addEventListener("submit", (event) => {
  if (!stale || !event.target.matches("form[data-guard]")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

document.addEventListener("htmx:load", () => { if (stale) guard(true); });
