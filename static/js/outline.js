/* An outline that is changed by keyboard: the focus is on the title of a step, keys act on that step, and after each change the focus is
   where one goes on. All of it can be done by the links and forms too, which need no script. */

import { swap } from "./live/fragment.js";
import { toast } from "./page.js";
import { renew, tell } from "./panel.js";

const KEYS = { "Alt+ArrowUp": "up", "Alt+ArrowDown": "down", d: "duplicate", Delete: "remove" };

const titles = () => [...document.querySelectorAll(".step__open")];
const stepOf = (element) => element.closest(".step")?.id.replace(/^step-/, "");

document.addEventListener("keydown", (event) => {
  const title = event.target.closest?.(".step__open");
  if (!title || event.ctrlKey || event.metaKey) return;
  const pressed = `${event.altKey ? "Alt+" : ""}${event.key}`;
  if (pressed === "ArrowDown" || pressed === "ArrowUp") {
    const all = titles();
    all[all.indexOf(title) + (pressed === "ArrowDown" ? 1 : -1)]?.focus();
  } else if (pressed === "m") {
    title.closest(".step").querySelector("[data-menu]").click();
  } else if (KEYS[pressed]) {
    act(stepOf(title), KEYS[pressed]);
  } else return;
  event.preventDefault();
  event.stopPropagation();
}, true);

/* A key that comes while another is being obeyed has its turn after it, with the step that it was pressed on; but nobody removes what
   they have not seen yet. */
const waiting = [];

function act(step, what, commands = "") {
  const form = document.getElementById("acting");
  if (form.matches(".htmx-request")) {
    if (what !== "remove" && what !== "fix") waiting.push([step, what]);
    return;
  }
  form.elements.step.value = step;
  form.elements.do.value = what;
  form.elements.commands.value = commands;
  form.requestSubmit();
}

/* So is undoing, as often as it was pressed and there is something to undo. */
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-turns]") || event.defaultPrevented) return;
  event.preventDefault();
  act("", event.submitter.value);
});
const canBeDone = (step, what) => document.querySelector(step ? `#step-${step}` : `[data-turns] [value="${what}"]:enabled`) !== null;

/* What mends a problem is done as any other edit; one goes on with the next that can be mended, else with the step. */
const FIXES = "#outline-aside .problem__fixes";
let mended = -1;
document.addEventListener("submit", (event) => {
  const form = event.target.closest(`${FIXES} form`);
  if (!form || event.defaultPrevented) return;
  event.preventDefault();
  mended = [...document.querySelectorAll(FIXES)].indexOf(form.parentElement);
  act("", "fix", form.elements.commands.value);
});

function nextFix() {
  const left = [...document.querySelectorAll(`${FIXES} button`)];
  const next = mended < 0 ? null : left[Math.min(mended, left.length - 1)];
  mended = -1;
  return next;
}

document.addEventListener("htmx:afterRequest", ({ target, detail: { successful } }) => {
  if (target.id === "acting" && !successful) waiting.length = 0;
});

/* The same button puts the menu away again, and so does Escape. */
document.addEventListener("htmx:beforeRequest", (event) => {
  const button = event.target.closest?.("[data-menu]");
  const menu = button && document.getElementById(button.getAttribute("aria-controls"));
  if (!menu?.children.length) return;
  event.preventDefault();
  close(menu);
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest?.(".step__menu");
  if (menu) close(menu);
});

/* From its form Escape leads back to the step. */
document.addEventListener("keydown", (event) => {
  const panel = event.key === "Escape" && !event.defaultPrevented && !event.isComposing && event.target.closest?.("#panel");
  if (!panel || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  goTo(panel.dataset.step);
});

function close(menu, focus = true) {
  const button = document.querySelector(`[aria-controls="${CSS.escape(menu.id)}"]`);
  menu.replaceChildren();
  button.setAttribute("aria-expanded", "false");
  if (focus) (menu.closest(".step").querySelector(".step__open") ?? button).focus();
}

let settled = null;
document.addEventListener("htmx:afterSettle", (event) => {
  const target = event.detail.target;
  if (target?.matches(".step__menu")) {
    document.querySelector(`[aria-controls="${CSS.escape(target.id)}"]`)?.setAttribute("aria-expanded", "true");
    const wrong = target.querySelector("[data-wrong]");
    const stays = wrong?.matches(".note") && document.activeElement.matches(".step__open"); // by a key, which is told beside it
    const goesOn = wrong ?? target.querySelector("a, select, input:not([type=hidden])");
    if (!stays) goesOn?.focus();
    (wrong?.closest(".field") ?? wrong)?.scrollIntoView({ block: "nearest" }); // what has the focus already is not brought into sight by it
  }
  const asked = event.detail.requestConfig?.elt?.closest(".step__menu");
  if (asked && target?.id === "panel") close(asked, false);
  if (target?.id !== "outline" || outline() === settled) return; // it is told for each part of an answer
  settled = outline();
  const { focus, revision } = outline().dataset;
  const fix = nextFix();
  if (fix) fix.focus();
  else goTo(focus);
  say(document.getElementById("said"));
  const [step, what] = waiting.shift() ?? [];
  if (what && canBeDone(step, what)) act(step, what);
  outline().dispatchEvent(new CustomEvent("draft:changed", { bubbles: true, detail: { revision: Number(revision), by: "outline" } }));
});

/* It follows what is done in the panel, and what others do. What somebody opened, chose and went to in it is there in the new one too;
   while they are in a field of it, or wait for an answer to something in it, it stays as it is: an answer has to find its place. */
let wanted = 0; // the revision that it should show
let fetching = false;

const outline = () => document.getElementById("outline");
const opened = () => [...document.querySelectorAll(".step__menu:not(:empty)")].map(stepOf);
const isBehind = () => wanted > Number(outline()?.dataset.revision);
const isInUse = () => document.activeElement?.matches("#outline :is(input, select, textarea)") || outline().querySelector(".htmx-request") !== null;

async function follow() {
  if (fetching || !isBehind() || isInUse()) return;
  const [revision, menus] = [wanted, String(opened())];
  fetching = true;
  const answer = await fetchWith(opened());
  fetching = false;
  if (!answer || isInUse()) return;
  if (wanted > revision || String(opened()) !== menus) return follow();
  wanted = Math.min(wanted, answer.revision);
  if (answer.revision > Number(outline().dataset.revision)) show(answer.text);
}

async function fetchWith(menus) {
  const address = new URL(outline().dataset.href, location.href);
  for (const step of menus) address.searchParams.append("menu", step);
  try {
    const answer = await fetch(address, { headers: { "HX-Request": "true" }, credentials: "same-origin", redirect: "manual" });
    if (answer.headers.get("HX-Refresh")) location.reload(); // it can't be drawn any more, and the page says why
    if (answer.status !== 200) return null;
    const text = await answer.text();
    return { text, revision: Number(new DOMParser().parseFromString(text, "text/html").getElementById("outline").dataset.revision) };
  } catch {
    return null;
  }
}

function show(text) {
  const within = outline().contains(document.activeElement) && document.activeElement;
  swap(outline(), text);
  if (within && document.activeElement === document.body) goTo(stepOf(within)); // it is gone
}

/* What was done is said at the head; where that is out of sight, beside all else. */
function say(said) {
  const { bottom } = said?.getBoundingClientRect() ?? {};
  const isSeen = bottom > document.querySelector(".bar").offsetHeight && bottom < innerHeight;
  if (isSeen || !said?.textContent) tell(said);
  else toast(said.textContent);
}

/* Which step the form is of is seen in the outline. */
function mark() {
  const step = document.getElementById("panel")?.dataset.step;
  for (const card of document.querySelectorAll(".step")) {
    const isOpen = card.id === `step-${step}`;
    card.classList.toggle("step--open", isOpen);
    if (isOpen) card.querySelector(".step__open").setAttribute("aria-current", "true");
    else card.querySelector(".step__open[aria-current]")?.removeAttribute("aria-current");
  }
}
document.addEventListener("htmx:load", mark);
mark();
document.addEventListener("click", (event) => {
  const back = event.target.closest("[data-to-step]");
  if (!back || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  goTo(document.getElementById("panel").dataset.step);
});

function goTo(step) {
  (document.getElementById(`open-${step}`) ?? document.getElementById("steps-title")).focus();
}

for (const kind of ["draft:changed", "draft:elsewhere"]) {
  document.addEventListener(kind, ({ detail: { revision } }) => {
    wanted = Math.max(wanted, Number(revision));
    follow();
  });
}
document.addEventListener("focusout", () => setTimeout(follow));
document.addEventListener("htmx:afterRequest", follow);
document.addEventListener("draft:elsewhere", renew);
