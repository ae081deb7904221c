/* Ctrl K, or ⌘ K: one types, and goes to a page, a workflow, a step, a run, a question, or does what this page can do.
 *
 *   <button data-does="Add a step">, or any control with a key (data-key), a tab, or an action of the page's head
 *
 * or of a form, says of itself that the page can do it, and is pressed when it is chosen; so nothing is listed twice. All else the server finds.
 * The same controls, with the keys printed on them, make the list of keys (?). The focus stays where one types. */

const APPLE = /Mac|iPhone|iPad/.test(navigator.platform);
const DOES = "[data-does], [data-key], .tabs a, .pages__links a, :is(.page-head__actions, .form__actions) :is(a, button)";
const BETWEEN = /[\s_]+/;
const AT_FIRST = 8; // of what the page can do, before anything is typed

const dialog = document.getElementById("find");
const field = document.getElementById("find-text");
const list = document.getElementById("find-list");
const here = document.getElementById("find-here");
const keys = document.getElementById("keys");
let controls = [];

for (const kbd of document.querySelectorAll("[data-find-key]")) if (APPLE) kbd.textContent = "⌘ K";

/* What the page can do */

const usable = (control) => !control.disabled && control.getAttribute("aria-disabled") !== "true" && !control.matches('[aria-current="page"]') && control.checkVisibility?.() !== false && !control.closest("dialog");

function nameOf(control) {
  const said = control.dataset.does || control.getAttribute("aria-label") || control.labels?.[0]?.textContent || control.placeholder;
  if (said) return said.trim();
  const copy = control.cloneNode(true);
  for (const part of copy.querySelectorAll("kbd, svg, .count")) part.remove();
  return copy.textContent.replace(/\s+/g, " ").trim();
}

function gather() {
  const named = new Map();
  for (const control of document.querySelectorAll(DOES)) {
    const name = usable(control) ? nameOf(control) : "";
    if (name && !named.has(name)) named.set(name, control);
  }
  const found = [...named].map(([name, control]) => ({ name, control }));
  return [...found.filter(({ control }) => !control.closest(".tabs")), ...found.filter(({ control }) => control.closest(".tabs"))];
}

function showControls() {
  const words = field.value.toLowerCase().split(BETWEEN).filter(Boolean);
  const fitting = controls.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
  while (here.children.length > 1) here.lastChild.remove();
  here.append(...fitting.slice(0, words.length ? fitting.length : AT_FIRST).map(optionOf));
  here.hidden = fitting.length === 0;
}

function optionOf({ name, control }, index) {
  const option = document.createElement("div");
  Object.assign(option, { className: "find__one", id: `find-here-${index + 1}` });
  option.setAttribute("role", "option");
  option.setAttribute("aria-selected", "false");
  option.append(iconOf(control), Object.assign(document.createElement("span"), { className: "find__name", textContent: name }));
  const kbd = control.querySelector("kbd");
  if (kbd) option.append(kbd.cloneNode(true));
  option.control = control;
  return option;
}

function iconOf(control) {
  const own = control.querySelector("svg.icon");
  if (own) return own.cloneNode(true);
  const arrow = dialog.querySelector("svg.icon").cloneNode(true);
  const use = arrow.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, "#right"));
  return arrow;
}

/* Choosing */

const options = () => [...list.querySelectorAll("[role=option]")];
const chosen = () => document.getElementById(field.getAttribute("aria-activedescendant"));

function choose(option, bring = true) {
  for (const one of options()) one.setAttribute("aria-selected", String(one === option));
  if (!option) return field.removeAttribute("aria-activedescendant");
  field.setAttribute("aria-activedescendant", option.id);
  if (bring) option.scrollIntoView({ block: "nearest" });
}

function walk(by) {
  const all = options();
  const at = all.indexOf(chosen());
  choose(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : (at + by + all.length) % all.length]);
}

/* The first is chosen whenever something else is found; what somebody went to stays while it is there. */
function settle(kept = chosen()?.id) {
  const all = options();
  choose(all.find((one) => one.id === kept && walked) ?? all[0]);
  document.getElementById("find-none").hidden = all.length > 0 || waiting;
  document.getElementById("find-count").textContent = waiting ? "" : all.length === 1 ? "1 found" : `${all.length} found`;
}

let walked = false;
let waiting = false;
let entered = false; // before that was found which is typed

/* What was found for what was typed before is not what is meant, unless somebody went to it. */
function enter() {
  const option = chosen();
  entered = waiting && !walked && !option?.control;
  if (!entered) go(option);
}

function go(option) {
  if (!option) return;
  const { control } = option;
  if (!control && !option.dataset.step) return option.click();
  close(); // which gives the focus back, before the control may take it
  if (!control) return showStep(option);
  if (control.matches("input, textarea, select")) control.focus();
  else control.click();
}

/* A step is shown by whatever here shows steps; where nothing does, its link leads to it. */
function showStep(option) {
  const { step } = option.dataset;
  const canvas = document.querySelector(".design workflow-canvas");
  const opens = document.getElementById(`open-${step}`) ?? document.getElementById(`reach-${step}`);
  if (canvas) document.dispatchEvent(new CustomEvent("canvas:show", { detail: { step } }));
  else if (opens) opens.click();
  else location.assign(option.href);
}

/* Opening */

function open() {
  if (!dialog || document.querySelector("dialog[open]")) return;
  controls = gather();
  field.value = "";
  walked = entered = false;
  waiting = true;
  document.getElementById("found").replaceChildren();
  dialog.showModal();
  showControls();
  settle();
  window.htmx.trigger(field.form, "opened");
}

function close() {
  dialog.close();
  if (dialog.contains(document.activeElement)) document.activeElement.blur(); // where nothing had the focus before
}

dialog?.addEventListener("click", (event) => {
  if (event.target === dialog) return close(); // beside it
  const option = event.target.closest("[role=option]");
  if (!option || event.ctrlKey || event.metaKey || event.shiftKey || (option.href && !option.dataset.step)) return;
  event.preventDefault();
  go(option);
});
list?.addEventListener("pointermove", (event) => {
  const option = event.target.closest("[role=option]");
  if (option && option !== chosen()) choose(option, false);
});

field?.addEventListener("input", () => {
  walked = entered = false;
  waiting = true;
  showControls();
  settle();
});
field?.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    walked = true;
    walk(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter") enter();
  else if (event.key === "Escape") close(); // at once: the browser's own way takes a moment, in which keys would be lost
  else return;
  event.preventDefault();
});
dialog?.addEventListener("submit", (event) => event.preventDefault(), true);

for (const come of ["htmx:afterSwap", "htmx:sendError", "htmx:responseError"]) {
  document.addEventListener(come, ({ type, detail: { target, requestConfig } }) => {
    if (target?.id !== "found" || requestConfig.parameters.q !== field.value) return; // more was typed meanwhile
    waiting = false;
    settle();
    if (entered && dialog.open && type === "htmx:afterSwap") go(chosen());
    entered = false;
  });
}

/* Keys */

function tellKeys() {
  const told = document.getElementById("keys-here");
  for (const row of told.querySelectorAll("[data-gathered]")) row.remove();
  const alone = [...told.querySelectorAll("dt")].filter((keys) => !/Ctrl|Alt/.test(keys.textContent));
  const known = new Set(alone.flatMap((keys) => [...keys.querySelectorAll("kbd")].map((kbd) => kbd.textContent.toLowerCase())));
  for (const control of document.querySelectorAll("[data-key]")) {
    if (!usable(control) || known.has(control.dataset.key)) continue;
    known.add(control.dataset.key);
    const key = document.createElement("dt");
    key.append(Object.assign(document.createElement("kbd"), { textContent: control.dataset.key.replace(/(^| )\w/g, (first) => first.toUpperCase()) }));
    const does = Object.assign(document.createElement("dd"), { textContent: nameOf(control).replace(/^./, (first) => first.toLowerCase()) });
    for (const part of [key, does]) part.dataset.gathered = "";
    told.append(key, does);
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-finds], [data-opens=keys]");
  if (!button) return;
  if (button.dataset.opens) return tellKeys();
  if (!dialog || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open();
}, true);

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() === "k" && (APPLE ? event.metaKey : event.ctrlKey) && !event.shiftKey && !event.altKey) {
    event.preventDefault();
    event.stopPropagation();
    if (dialog?.open) close();
    else open();
  } else if (event.key === "?" && keys && !event.defaultPrevented && !event.ctrlKey && !event.metaKey && !event.altKey) {
    if (event.target.closest("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    tellKeys();
    keys.showModal();
  }
}, true);
