/* The panel of a step: a chosen place offers its values at once, what came back wrong is looked at first, Ctrl and Enter save it, it says
   whether something in it is not saved, and nobody loses that by choosing another step. */

import { clear, scroller } from "./clear.js";
import { write } from "./live/fragment.js";
import { listsValues } from "./picker.js";

const SIGN_IN = "/account/"; // where who is not signed in any more is led

const LOST = "What you changed in this panel is not saved. Leave it all the same?";
const OURS = new Set(["csrfmiddlewaretoken", "revision", "shown", "alone"]); // what the page sends along

const form = () => document.querySelector("[data-panel-form]");
const held = () => JSON.stringify([...new FormData(form())].filter(([name]) => !OURS.has(name)));
let saved = ""; // what it held when it was opened or saved

export const isUnsaved = () => form() !== null && held() !== saved;

/** What it holds by now is saved, or is to be dropped. */
function settle() {
  saved = form() ? held() : "";
  tellUnsaved();
}

function tellUnsaved() {
  const note = document.getElementById("panel-unsaved");
  if (note) note.textContent = isUnsaved() ? "Not saved yet" : "";
}

for (const kind of ["input", "change"]) document.addEventListener(kind, ({ target }) => { if (target.closest("[data-panel-form]")) tellUnsaved(); });

document.addEventListener("htmx:beforeOnLoad", ({ detail: { xhr } }) => {
  const to = xhr.getResponseHeader("HX-Redirect");
  if (to && !to.startsWith(SIGN_IN)) settle(); // saved, and off to another page
});

/** Whether the panel may hold something else from now on; who has typed into it is asked, but not before it is known whether that is
    saved. Of several who wait for that the last goes on. */
export async function mayLeave() {
  const mine = (leaving += 1);
  if (isUnsaved()) await answered();
  if (mine !== leaving) return false;
  const leaves = !isUnsaved() || confirm(LOST);
  if (leaves) settle();
  return leaves;
}
let leaving = 0;

document.addEventListener("htmx:confirm", async (event) => {
  const { verb, target, issueRequest } = event.detail;
  if (verb !== "get" || !target?.matches("#panel, #step-panel") || !isUnsaved()) return;
  event.preventDefault();
  if (await mayLeave()) issueRequest(true);
});

addEventListener("beforeunload", (event) => {
  if (isUnsaved()) event.preventDefault();
});
document.addEventListener("submit", (event) => {
  if (event.target === form() && !event.defaultPrevented) settle(); // the browser sends it itself
});

/* From a field, or from the editor of a text, which must not take it for a new line. A link is opened in another tab by it. */
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || event.isComposing) return;
  if (!event.target.closest?.("[data-panel-form]") || event.target.closest("a")) return;
  event.preventDefault();
  event.stopPropagation();
  document.getElementById("panel-save").click();
}, true);

/* What else a choice offers the server says. htmx sends the name of a button that was clicked, and of no other: this must not save. */
document.addEventListener("change", ({ target }) => {
  const form = target.closest("[data-panel-form]");
  const [, part] = /^v\/(tool|workflow)$/.exec(target.name ?? "") ?? /\/(place|operator)$/.exec(target.name ?? "") ?? [];
  if (!form || !part) return;
  if (part === "tool" || part === "workflow") form.querySelector("[data-takes-form]")?.click();
  else if (comparesWithListed(target)) form.querySelector("[data-keep-form]").click();
});

/* Values are offered, or were, so that the row is to be drawn anew. */
function comparesWithListed(control) {
  const row = control.closest(".group__fields");
  return row.querySelector('[name$="/value"]')?.matches("select") || listsValues(row.querySelector('[name$="/place"]'));
}

/* What somebody asked for comes into the very panel that was there when they did. */
let asked = 0;
let waiting = [];
const answered = () => (asked === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve)));
document.addEventListener("htmx:beforeRequest", ({ detail: { target } }) => { if (target?.id === "panel") asked += 1; });
document.addEventListener("htmx:afterRequest", ({ detail: { target } }) => {
  if (target?.id !== "panel") return;
  asked = Math.max(asked - 1, 0);
  if (asked === 0) for (const go of waiting.splice(0)) go();
});

/** Whether somebody is at it: typed and did not save, has the focus in a field, or waits for what they pressed. */
export const isBusy = (around = document.getElementById("panel")) => asked > 0 || isUnsaved() || Boolean(around?.contains(document.activeElement) && document.activeElement.matches("input, textarea, select, [contenteditable]"));

/** Whether it shows the draft as it was before `revision`. One's own change may come back this way after its answer did. */
export const isBehind = (revision) => Number(form()?.elements.revision?.value) < Number(revision);

/** Takes up what others did to what it shows, unless somebody is at it, who takes it up by saving. The focus stays where it is. */
export async function renew({ detail: { revision } }) {
  const panel = document.getElementById("panel");
  const address = form()?.getAttribute("action");
  if (!address || !isBehind(revision) || isBusy(panel)) return;
  const answer = await fetch(address, { headers: { "HX-Request": "true" }, credentials: "same-origin", redirect: "manual" }).catch(() => null);
  const text = answer?.status === 200 ? await answer.text() : "";
  if (text && panel.isConnected && !isBusy(panel)) {
    window.htmx.swap(panel, text, { swapStyle: "outerHTML", swapDelay: 0, settleDelay: 0 });
    settle();
  }
}

/* Who saves stays where they were, and goes on typing meanwhile: what was sent holds none of that, so it is put into what comes. */
let stood = 0;
let sent = new Map(); // what each field held then
let late = []; // the fields that hold something else by now
let comes = false;
const fields = () => [...(form()?.elements ?? [])].filter(({ id, name, type }) => id && name && type !== "hidden" && type !== "submit");
const standing = (field) => (field.matches("[type=checkbox], [type=radio]") ? field.checked : field.value);

document.addEventListener("htmx:beforeRequest", ({ detail: { elt, target } }) => {
  if (target?.id === "panel" && elt === form()) sent = new Map(fields().map((field) => [field.id, standing(field)]));
});
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { target, requestConfig } = detail;
  if (target?.id === "panel" && requestConfig?.verb === "get" && isUnsaved() && !confirm(LOST)) detail.shouldSwap = false; // typed meanwhile
  comes = Boolean(target?.matches("#panel, #step-panel"));
  if (comes) turned = turning(requestConfig);
  if (target?.id === "panel") stood = target.parentElement.scrollTop;
  late = comes && requestConfig?.elt === form() ? fields().filter((field) => sent.has(field.id) && sent.get(field.id) !== standing(field)) : [];
});

/* Adding a row and turning one into text post the form too, and save nothing: only what does so says it. */
document.addEventListener("htmx:afterSwap", ({ detail: { target, requestConfig } }) => {
  if (!comes) return; // it is told for each part of an answer
  comes = false;
  if (target?.id === "panel") stand();
  if (requestConfig?.verb === "get" || document.getElementById("panel-said")?.textContent) settle();
  late.forEach(putBack);
  tellUnsaved();
});

function stand() {
  document.getElementById("panel").parentElement.scrollTop = stood;
}

function putBack(from) {
  const field = document.getElementById(from.id);
  if (field?.form !== form()) return;
  write(field, from);
  if (field === document.activeElement && from.selectionStart !== null && from.selectionStart !== undefined) field.setSelectionRange?.(from.selectionStart, from.selectionEnd);
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("htmx:afterSettle", (event) => {
  const panel = document.getElementById("panel");
  if (!panel || event.detail.target?.id !== "panel") return;
  stand(); // by now its texts have their editors
  const kept = document.activeElement && document.activeElement !== document.body && panel.contains(document.activeElement);
  const wrong = panel.querySelector("[data-wrong]");
  if (turned && putWhereItWas(panel, turned)) turned = null;
  else if (wrong) { wrong.focus(); clear(wrong); }
  else if (!kept) show(panel);
  tell(document.getElementById("panel-said"));
});

/* What is turned into text or into rows stands where it stood, and the focus is in it; where it can't be turned, on the same button. */
let turned = null;
const TURNS = /^(text|rows) /;
const around = (button) => button.closest(".field, .group");

function turning({ elt, triggeringEvent }) {
  const button = elt === form() ? triggeringEvent?.submitter : null;
  return TURNS.test(button?.value) ? { pressed: button.value, top: around(button).getBoundingClientRect().top } : null;
}

function putWhereItWas(panel, { pressed, top }) {
  const ways = ["text", "rows"].map((way) => pressed.replace(TURNS, `${way} `));
  const button = [...panel.querySelectorAll("[name=form_turn]")].find(({ value }) => ways.includes(value));
  if (!button) return false;
  scroller(panel).scrollBy({ top: around(button).getBoundingClientRect().top - top, behavior: "instant" });
  const goesOn = button.value === pressed ? button : around(button).querySelector("input:not([type=hidden]), select, textarea, button");
  goesOn.focus({ preventScroll: true });
  clear(document.activeElement);
  return true;
}

/* What was done is in a live region that came with the rest; a screen reader hears of what changes in one that was there. */
export function tell(said) {
  const words = said?.textContent;
  if (!words) return;
  said.textContent = "";
  requestAnimationFrame(() => { said.textContent = words; });
}

/* A panel that is taller than the screen is looked at from its head. */
function show(panel) {
  panel.focus({ preventScroll: true });
  const { top } = panel.getBoundingClientRect();
  if (top < 0 || top > innerHeight * 0.8) panel.scrollIntoView({ block: "start" });
}

settle();
