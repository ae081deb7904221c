/* Forms made from a JSON Schema. Adding and taking away without a round trip, and what changed against the proposal as it is
   typed. Without this file the same buttons post, and the server answers with the form. */

import { showScripted } from "./page.js";

const itemsOf = (group) => [...group.querySelectorAll(":scope > [data-item]")];
const keyOf = (item) => item.querySelector(":scope > input").value;

/* The next item of a list with its token still in it. Within a numbered item it is told once for all of them: by the list around. */
function blankOf(group) {
  const own = group.querySelector(":scope > template");
  if (own) return { source: own.innerHTML, token: group.dataset.token };
  const item = group.closest("[data-item]");
  const around = item?.parentElement.closest("[data-list]");
  const outer = around && blankOf(around);
  if (!outer) return null;
  const alike = filled(outer, keyOf(item), itemsOf(around).indexOf(item) + 1).querySelectorAll("[data-list]");
  const twin = [...alike].find((list) => list.dataset.list === group.dataset.list);
  return twin ? blankOf(twin) : null;
}

/* Only the path and the key are tokens; in labels the place of the item is meant. */
function filled({ source, token }, key, number) {
  const holder = document.createElement("template");
  holder.innerHTML = source.replaceAll(`/${token}`, `/${key}`).replaceAll(`"${token}"`, `"${key}"`).replaceAll(` ${token}"`, ` ${key}"`).replaceAll(token, String(number));
  return holder.content;
}

function addTo(group, blank) {
  const items = itemsOf(group);
  const keys = items.map((item) => Number(keyOf(item))).filter(Number.isInteger);
  const key = String(Math.max(-1, Number(group.dataset.taken ?? -1), ...keys) + 1); // never that of one that was taken away
  const content = filled(blank, key, items.length + 1);
  const item = content.querySelector("[data-item]");
  showScripted(item);
  group.querySelector(":scope > [data-list-end]").before(content);
  item.querySelector("input:not([type=hidden]), textarea, select")?.focus();
  changed(group);
}

function take(item) {
  const group = item.closest("[data-list]");
  const next = item.nextElementSibling?.matches("[data-item]") ? item.nextElementSibling : group.querySelector(":scope > [data-list-end]");
  const key = Number(keyOf(item));
  group.dataset.taken = Math.max(Number(group.dataset.taken ?? -1), Number.isInteger(key) ? key : -1);
  item.remove();
  next.querySelector("input:not([type=hidden]), textarea, select, button")?.focus();
  changed(group);
}

function changed(element) {
  element.dispatchEvent(new Event("input", { bubbles: true }));
}

/* The text of a control as dashboard/schema_fields.py shows it. */
function shown(control) {
  if (control.matches(".choices")) return [...control.querySelectorAll("input:checked")].map((input) => input.nextElementSibling.textContent).join(", ");
  if (control.type === "checkbox") return control.checked ? "yes" : "no";
  if (control.matches("select")) return control.value === "" ? "" : control.selectedOptions[0].textContent;
  return control.value.replaceAll("\r\n", "\n");
}

function compare(control) {
  const field = control.closest(".field");
  const note = field?.querySelector("[data-was]");
  if (!note) return;
  const differs = shown(control) !== control.dataset.proposed.replaceAll("\r\n", "\n");
  field.classList.toggle("field--changed", differs);
  note.hidden = !differs;
  if (!differs) return;
  const was = document.createElement(control.dataset.proposed ? "q" : "span");
  was.textContent = control.dataset.proposed.slice(0, 200) || "empty";
  note.replaceChildren("was ", was);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[name=form_turn]");
  if (!button?.closest("[data-schema-form]") || /^(text|rows|recorded|takes)\b/.test(button.value)) return; // the server answers these
  const group = button.matches("[data-list-add]") ? button.closest("[data-list]") : null;
  const blank = group && blankOf(group);
  if (group && !blank) return;
  event.preventDefault();
  if (group) addTo(group, blank);
  else if (button.matches("[data-list-take]")) take(button.closest("[data-item]"));
});

document.addEventListener("input", (event) => {
  const control = event.target.closest?.("[data-proposed]");
  if (control) compare(control);
});

/* What is chosen says what may stand beside it. */
document.addEventListener("change", (event) => {
  const more = event.target.selectedOptions?.[0]?.dataset.more;
  const beside = more && document.getElementById(event.target.id.replace(/[^/]*$/, "more"));
  if (beside) beside.placeholder = more;
});
