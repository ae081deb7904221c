/* Small conveniences of every page. All of them may be missing: pages work without scripts. */

const YEAR = 365 * 24 * 3600;

function chooseTheme(theme) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `theme=${theme}; Path=/; Max-Age=${theme ? YEAR : 0}; SameSite=Lax${secure}`;
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  showTheme();
}

function showTheme() {
  const current = document.documentElement.dataset.theme ?? "";
  for (const choice of document.querySelectorAll("[data-theme-choice]")) {
    choice.hidden = false;
    for (const button of choice.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.value === current));
  }
}

async function copy(button) {
  const kept = button.dataset.copies === "next" ? button.parentElement.querySelector(":scope > template")?.content.textContent : button.dataset.copies;
  const label = button.lastChild;
  const words = label.textContent;
  try {
    await navigator.clipboard.writeText(kept ?? "");
    label.textContent = "Copied";
  } catch {
    label.textContent = "Could not copy";
  }
  setTimeout(() => { label.textContent = words; }, 1600);
}

/* "3 min ago", "due in 2 h": the same words as dashboard/presentation.py, kept going. */
function coarse(seconds) {
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  return `${Math.floor(seconds)} s`;
}

const PAIRS = [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]];
const pair = (whole, unit, more, small) => `${whole} ${unit}${more ? ` ${more} ${small}` : ""}`;

function left(seconds) {
  for (const [size, unit, rest, small] of PAIRS.slice(0, 2)) {
    const parts = Math.floor(seconds / rest + 0.5);
    if (parts * rest >= size) return pair(Math.floor(parts / (size / rest)), unit, parts % (size / rest), small);
  }
  return seconds >= 59.5 ? `${Math.floor(seconds / 60 + 0.5)} min` : `${Math.floor(seconds + 0.5)} s`;
}

function lasted(seconds) {
  for (const [size, unit, rest, small] of PAIRS) if (seconds >= size) return pair(Math.floor(seconds / size), unit, Math.floor((seconds % size) / rest), small);
  return `${Math.floor(seconds)} s`;
}

const SAYS = {
  ago: (seconds) => (seconds >= 7 * 86400 ? null : seconds < 5 ? "just now" : `${coarse(seconds)} ago`),
  due: (seconds) => (seconds < 0 ? `due in ${left(-seconds)}` : `overdue by ${coarse(seconds)}`),
  since: (seconds) => coarse(Math.max(seconds, 0)),
  lasting: (seconds) => lasted(Math.max(seconds, 0)),
  until: (seconds) => (seconds > -1 ? "due now" : `next in ${coarse(-seconds)}`),
};

export function tellTimes() {
  const now = Date.now();
  for (const time of document.querySelectorAll("time")) {
    const says = Object.keys(SAYS).find((kind) => kind in time.dataset);
    const words = says && SAYS[says]((now - Date.parse(time.dateTime)) / 1000);
    if (words && time.textContent !== words) time.textContent = words;
  }
}

export function showScripted(root) {
  for (const element of root.querySelectorAll("[data-copies][hidden], [data-opens][hidden], [data-scripted][hidden]")) element.hidden = false;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button, a");
  if (!button) return;
  if (button.closest("[data-theme-choice]")) chooseTheme(button.value);
  else if (button.dataset.copies !== undefined) copy(button);
  else if (button.dataset.opens) document.getElementById(button.dataset.opens)?.showModal();
  else if (button.dataset.closes !== undefined) button.closest("dialog")?.close();
  else if (button.dataset.dismiss !== undefined) button.closest(".toast")?.remove();
});

/* A link into a closed details opens it; one that is told to stays open when the part that it is in comes anew, or is closed again
 * once the part that it names has come without it. */
const open = new Map();
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  const folded = link?.hash.length > 1 && document.getElementById(link.hash.slice(1))?.closest("details");
  if (folded) folded.open = true;
});
document.addEventListener("toggle", (event) => {
  const { keptOpen: name, keptWhile: part } = event.target.dataset ?? {};
  if (name) event.target.open ? open.set(name, part) : open.delete(name);
}, true);
function keepOpen(root) {
  for (const [name, part] of open) if (part && part === root.id && !root.querySelector(`[data-kept-open="${CSS.escape(name)}"]`)) open.delete(name);
  for (const folded of root.querySelectorAll("details[data-kept-open]")) folded.open ||= open.has(folded.dataset.keptOpen);
}

/* Escape leaves a field, so that the keys act again. A search that holds something is emptied first, by the browser. */
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || event.isComposing || document.querySelector("dialog[open], [popover]:popover-open")) return;
  const field = event.target.closest("input, textarea, select, [contenteditable]");
  if (field && !(field.type === "search" && field.value)) field.blur();
});

/* One key for one control, printed on it: <a data-key="n">New <kbd>N</kbd></a>. Never while something is typed. */
document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) return;
  const held = event.ctrlKey || event.metaKey ? `ctrl ${event.shiftKey ? "shift " : ""}` : "";
  if (held && event.repeat) return;
  const control = document.querySelector(`[data-key="${CSS.escape(held + event.key.toLowerCase())}"]`);
  if (!control || control.checkVisibility?.() === false) return;
  event.preventDefault();
  control.matches("input, textarea, select") ? control.focus() : control.click();
});

/* Tabs that are wider than the screen: the one that is open is brought into sight, and an edge beyond which there are more fades. */
function showTabs(root) {
  for (const tabs of root.querySelectorAll(".tabs, .fades")) {
    const current = tabs.querySelector("[aria-current]");
    if (!("shown" in tabs.dataset)) {
      tabs.addEventListener("scroll", () => fade(tabs), { passive: true });
      if (current) tabs.scrollLeft += current.getBoundingClientRect().left - tabs.getBoundingClientRect().left - (tabs.clientWidth - current.offsetWidth) / 2;
    }
    tabs.dataset.shown = "";
    fade(tabs);
  }
}

function fade(tabs) {
  const more = [tabs.scrollLeft > 2 && "before", tabs.scrollLeft + tabs.clientWidth < tabs.scrollWidth - 2 && "after"].filter(Boolean);
  tabs.dataset.more = more.join(" ");
}
addEventListener("resize", () => showTabs(document));

/* Good news goes by itself, unless somebody is looking at it; the rest stays until it is dismissed. */
function letGo(root) {
  for (const toast of root.querySelectorAll(".toast:is(.tone-good, .tone-live):not([data-leaves])")) {
    toast.dataset.leaves = "";
    const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, 2_000) : toast.remove());
    setTimeout(leave, 8_000);
  }
}

/** News of what was done on this page, good ones but where it is said, in place of the last; as of what was done on the page before. */
export function toast(words, tone = "good") {
  const toasts = document.querySelector("[data-toasts]");
  if (!toasts) return;
  const made = toasts.querySelector(`template[data-tone=${tone}]`).content.firstElementChild.cloneNode(true);
  made.querySelector("[data-words]").textContent = words;
  made.dataset.here = "";
  toasts.querySelector("[data-here]")?.remove();
  toasts.append(made);
  letGo(toasts);
}

/* What somebody asked for and did not get; until something is answered. A dialog says it itself. */
for (const failed of ["htmx:sendError", "htmx:responseError"]) {
  document.addEventListener(failed, ({ detail: { target, xhr } }) => { if (!target?.closest("dialog")) toast(whyNot(xhr), "bad"); });
}
document.addEventListener("htmx:afterRequest", ({ detail: { successful } }) => { if (successful) document.querySelector("[data-toasts] .tone-bad[data-here]")?.remove(); });

function whyNot({ status, responseText }) {
  const said = status && new DOMParser().parseFromString(responseText, "text/html").querySelector("h1")?.textContent.trim();
  return `${said || "The server did not answer"}. Nothing that you typed here is lost; try again in a moment.`;
}

document.addEventListener("htmx:load", (event) => { keepOpen(event.detail.elt); showScripted(event.detail.elt); showTabs(event.detail.elt); letGo(event.detail.elt); tellTimes(); });
showTheme();
showScripted(document);
showTabs(document);
letGo(document);
tellTimes();
setInterval(tellTimes, 1_000);
