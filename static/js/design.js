/* The page of the designer: the canvas says what is chosen, and its panel is fetched; who edits in the panel tells the canvas.
 *
 *   canvas:select {step, open, left, was}
 *                                       from the canvas; `open`: go to its panel; `left`: somebody chose nothing; `was`: what the
 *                                       same step was called
 *   canvas:perform {commands}           to the canvas, which says in `ended` when it is done
 *   draft:changed {revision, by, step}  from whoever changed the draft on this page; `step`: what the panel's is called by now
 *
 * Where no step is chosen, the panel may be that of the workflow itself.
 */

import { isBehind, isBusy as isBusyIn, isUnsaved, mayLeave } from "./panel.js";
import { isPressed, released } from "./pressed.js";

const panel = document.getElementById("step-panel");
const page = document.querySelector("[data-step-href]");
const SETTINGS = ":settings"; // no step can be called that
const PAUSE = 120; // for who walks along the steps by keys

let shown = "";
let coming = null; // what is about to be shown
let begins = false; // it is another than was shown
let enters = false; // somebody goes to it
let next = 0;

/* Each has a source of its own: of the requests of one source htmx runs one at a time and remembers none but the last, so that of
 * two parts with one source one would never come. */
function fetchPanel(step) {
  const address = step === SETTINGS ? page.dataset.settingsHref : page.dataset.stepHref.replace("STEP", encodeURIComponent(step));
  return window.htmx.ajax("GET", address, { source: panel, target: panel, swap: "innerHTML" });
}

function fetchHead() {
  window.htmx.ajax("GET", location.pathname + location.search, { source: page, target: "#design-head", select: "#design-head", swap: "outerHTML" });
}

/* What somebody presses is not taken away from under them. */
function later(detail, fetch) {
  detail.shouldSwap = false;
  released().then(fetch);
}

async function show(step, open) {
  const another = step !== held();
  coming = step;
  const leaves = !another || (await mayLeave());
  if (coming !== step) return; // somebody chose something else meanwhile
  coming = null;
  if (!leaves) return stay();
  begins = another;
  enters = open || (enters && step === shown);
  shown = step;
  page.classList.toggle("design--panel", step !== "");
  if (!step) {
    enlarge(false);
    panel.replaceChildren();
  } else fetchPanel(step).catch(() => {}); // which is told below
}

/* It may come later than that says, and after another that was asked for before. */
document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => { if (target === panel && held() === shown) arrive(); });
function arrive() {
  if (begins) panel.scrollTop = 0; // another form begins at its head
  if (enters) enter();
  begins = enters = false;
}

/* What the panel holds. Of a step that was renamed meanwhile it is the former id. */
function held() {
  const of = panel.querySelector("#panel")?.dataset.step;
  return of === "" ? SETTINGS : of ?? "";
}

/* What is typed stays, and what it is typed into is chosen again. */
function stay() {
  shown = held();
  document.dispatchEvent(new CustomEvent("canvas:show", { detail: { step: shown === SETTINGS ? "" : shown } }));
}

async function close() {
  if (!(await mayLeave())) return;
  show("", false);
  document.dispatchEvent(new CustomEvent("canvas:show", { detail: { step: "" } }));
}

function enter() {
  panel.querySelector("#panel, h2, h3")?.scrollIntoView({ block: "nearest" });
  panel.querySelector("form input:not([type=hidden]), form textarea, form select, a, button:not([hidden])")?.focus();
}

document.addEventListener("canvas:select", ({ detail: { step, open, left, was } }) => {
  if (!page?.dataset.stepHref || (!step && shown === SETTINGS)) return;
  clearTimeout(next);
  if (was && step === held()) return; // its panel renamed it
  if (isUnsaved() && (was || (!step && !left))) return; // it was renamed, or is gone, or is one of several: that drops nothing
  if (open && step === shown && step === held()) enter();
  else if (open && step === shown && panel.matches(".htmx-request")) enters = true;
  else if (open) show(step, true);
  else soon(step);
});

function soon(step) {
  clearTimeout(next);
  coming = step;
  next = setTimeout(() => (step === shown && isBusy() ? (coming = null) : show(step, false)), PAUSE); // somebody may have begun to type
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-settings]");
  if (!link || !page?.dataset.settingsHref || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  clearTimeout(next);
  show(SETTINGS, true).then(() => shown === SETTINGS && document.dispatchEvent(new CustomEvent("canvas:show", { detail: { step: "" } })));
});

/* On a small screen the panel comes from below, and takes more of it where somebody asks for that. */
document.addEventListener("click", (event) => {
  const size = event.target.closest("[data-panel-size]");
  if (size) enlarge(size.getAttribute("aria-expanded") === "false");
  else if (event.target.closest("[data-panel-close]")) close();
});

function enlarge(tall) {
  const size = page.querySelector("[data-panel-size]");
  page.classList.toggle("design--tall", tall);
  size.setAttribute("aria-expanded", String(tall));
  size.querySelector("span").textContent = tall ? "Smaller" : "Larger";
}

/* What the proof finds lies over the drawing, until somebody goes on with something else. */
document.addEventListener("click", ({ target }) => {
  for (const drop of document.querySelectorAll(".drop[open]")) if (!drop.contains(target)) drop.open = false;
});

/* What the canvas can do is done there: a quick fix is a command like any other, and its step is shown where it stands. */
document.addEventListener("submit", (event) => {
  const form = event.target.closest("#design-head .problem__fixes form");
  if (!form || event.defaultPrevented) return;
  const asked = { commands: JSON.parse(form.elements.commands.value), ended: null };
  if (!form.matches("[data-sent]")) document.dispatchEvent(new CustomEvent("canvas:perform", { detail: asked }));
  else event.preventDefault();
  if (!asked.ended) return; // where nothing is drawn, the browser sends the form
  event.preventDefault();
  form.dataset.sent = "";
  asked.ended.finally(() => delete form.dataset.sent);
});
document.addEventListener("click", (event) => {
  const link = event.target.closest('#design-head a[href^="?step="]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !page?.querySelector(".cv[data-ready]")) return;
  event.preventDefault();
  link.closest(".drop").open = false;
  document.dispatchEvent(new CustomEvent("canvas:show", { detail: { step: new URL(link.href).searchParams.get("step") } }));
});

/* Who pressed what is gone by now goes on at the head of what is left. */
let within = false;
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target?.id !== "design-head") return;
  within = detail.target.contains(document.activeElement);
  if (isPressed(detail.target)) later(detail, fetchHead);
});
document.addEventListener("htmx:afterSwap", () => {
  if (within && document.activeElement === document.body) document.querySelector("#design-problems summary, #design-verdict")?.focus();
  within = false;
});
document.addEventListener("keydown", (event) => {
  const drop = event.key === "Escape" && event.target.closest?.(".drop[open]");
  if (!drop) return;
  event.preventDefault();
  drop.open = false;
  drop.querySelector("summary").focus();
});

/* Chips and panel follow each change that was made on this page. What somebody is filling in stays. */
document.addEventListener("draft:changed", ({ detail: { by, step } }) => {
  fetchHead();
  if (step) shown = step;
  if (by === "canvas" && (coming ?? shown) && !isBusy()) soon(coming ?? shown); // not at once: the canvas may say that it is gone
});
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const same = panel?.querySelector("#panel")?.dataset.step === (shown === SETTINGS ? "" : shown);
  if (detail.target !== panel) return;
  if (!same) {
    if (!isUnsaved()) return;
    detail.shouldSwap = false; // somebody typed into it while another was on its way
    show(shown, false);
  } else if (isBusy() || isAsOld(detail.serverResponse)) {
    detail.shouldSwap = false; // somebody began to type meanwhile, or has saved
    arrive();
  } else if (isPressed(panel)) later(detail, () => soon(shown));
});
const isBusy = () => isBusyIn(panel);
function isAsOld(text) {
  const [, revision] = /name="revision" value="(\d+)"/.exec(text) ?? [];
  return revision !== undefined && !isBehind(revision);
}

/* What did not come: not that of another step is shown in its place. */
for (const failed of ["htmx:sendError", "htmx:responseError"]) {
  document.addEventListener(failed, ({ detail: { target } }) => {
    if (target === panel && shown !== held() && !isUnsaved()) panel.replaceChildren(document.getElementById("panel-missing").content.cloneNode(true));
  });
}
document.addEventListener("click", ({ target }) => { if (target.closest("[data-panel-again]")) show(shown, true); });
document.addEventListener("draft:elsewhere", ({ detail: { revision } }) => {
  fetchHead();
  if (shown && coming === null && isBehind(revision) && !isBusy()) soon(shown);
});
