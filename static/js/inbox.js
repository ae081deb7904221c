/* The inbox: number keys, drafts that keep themselves, and a form that notices that somebody else was first.
 * Without this file all of it works by buttons, and the server refuses what comes too late. */

const form = document.getElementById("answer");
const AFTER = 1_200;

/* Nobody answers a question that they can't have seen: the next one comes to the place of the last, with the same button under the same
 * finger. A press counts if it began a second after the question came into sight; one before that is marked on its button. */
const READING = 1_000;
let since = Infinity;
let began = null;

function comeIntoSight() {
  since = Infinity;
  delete form.dataset.seen;
  requestAnimationFrame(() => {
    since = performance.now();
    setTimeout(() => { form.dataset.seen = ""; }, READING);
  });
}

const isSeen = () => (began ?? performance.now()) - since >= READING;

function tooEarly(button) {
  const mark = button.querySelector("[data-early]");
  mark.hidden = false;
  setTimeout(() => { mark.hidden = true; }, READING);
  document.getElementById("inbox-early").textContent = "Not answered: this question has only just come.";
}

if (form) {
  comeIntoSight();
  window.addEventListener("pageshow", (event) => { if (event.persisted) comeIntoSight(); });
  document.addEventListener("pointerdown", (event) => { began = event.timeStamp; }, true);
  document.addEventListener("keydown", (event) => { if (!event.repeat) began = event.timeStamp; }, true);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=action]");
    if (button && !isSeen()) {
      event.preventDefault();
      event.stopImmediatePropagation();
      tooEarly(button);
    }
    began = null;
  }, true);
}

/* What was answered last is said on each page of the inbox until the next answer, and announced once. */
const last = document.querySelector("[data-answered]");
if (last && sessionStorage.getItem("answered") !== last.dataset.answered) {
  sessionStorage.setItem("answered", last.dataset.answered);
  requestAnimationFrame(() => last.parentElement.replaceChildren(last));
}

/* 1–9 press the action of that number, but only one that can be seen whole; else it is brought to the screen first. What can't be
 * undone asks for a second press, or Enter, and says so on the control. */
document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.altKey || event.repeat || document.querySelector("dialog[open]")) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && form?.contains(event.target)) {
    event.preventDefault();
    press(form.querySelector("button[name=action]"));
    return;
  }
  if (event.ctrlKey || event.metaKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
  const button = /^[1-9]$/.test(event.key) ? form?.querySelector(`[data-press="${event.key}"]`) : null;
  if (!button) return;
  event.preventDefault();
  press(button);
});

document.querySelector("[data-edit]")?.addEventListener("click", () => {
  const fields = form?.querySelectorAll("[data-schema-form] :is(input, textarea, select):not([type=hidden])") ?? [];
  ([...fields].find((field) => field.matches("[aria-invalid=true]")) ?? fields[0])?.focus();
});

function press(button) {
  if (!button) return;
  if (form.dataset.closed) return refuse();
  if (!isSeen()) return tooEarly(button);
  if (button.getAttribute("aria-disabled") === "true") return;
  const ready = !("twice" in button.dataset) || "armed" in button.dataset;
  if (inSight(button) && ready) return button.click();
  button.scrollIntoView({ block: "nearest" });
  if (!inSight(button)) button.scrollIntoView({ block: "center" });
  arm(button);
  button.focus();
}

function arm(button) {
  const again = button.querySelector("[data-again]");
  if (!again) return;
  again.hidden = false;
  button.dataset.armed = "";
  button.addEventListener("blur", () => { again.hidden = true; delete button.dataset.armed; }, { once: true });
}

function inSight(element) {
  const box = element.getBoundingClientRect();
  if (box.width === 0 || box.top < 0 || box.left < 0 || box.bottom > innerHeight || box.right > innerWidth) return false;
  const there = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return element.contains(there);
}

/* Drafts. What is typed is kept on the server at each pause; a page that is left sends what it has. */
const status = form?.querySelector("[data-draft-status]");
let waiting = null;
let sent = false;

function keep() {
  clearTimeout(waiting);
  waiting = null;
  if (!form || sent) return;
  const body = new FormData(form);
  fetch(form.dataset.draft, { method: "POST", body, headers: { "X-Draft": "1" }, keepalive: true, credentials: "same-origin" }).then(
    async (answer) => {
      if (answer.status === 204) say("Draft kept.");
      else if (answer.status === 409) say(await answer.text());
      else if (answer.redirected || answer.status === 403) say("You are signed out by now. What you typed stays in this tab, and is offered to you when you are back.");
      else say("The draft could not be kept.");
    },
    () => say("The draft could not be kept: no connection."),
  );
}

function say(words) {
  if (status) status.textContent = words;
}

if (form && status) {
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(keep, AFTER);
    say("");
  });
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    sent = true;
    clearTimeout(waiting);
  });
  window.addEventListener("pagehide", () => { if (waiting !== null) keep(); });
  form.querySelector("[data-draft-button]").hidden = true;
}

/* The strip above says who is at it, and comes anew by itself. When somebody else decides, acting is switched off here, and what
 * was typed can only be read. */
function watchOthers() {
  const strip = document.getElementById("presence");
  if (!form || !strip) return;
  const decided = "decided" in strip.dataset;
  const theirs = "theirs" in strip.dataset;
  for (const button of form.querySelectorAll("button[name=action]")) {
    if (decided || theirs) button.setAttribute("aria-disabled", "true");
    else if (document.documentElement.dataset.live !== "stale") button.removeAttribute("aria-disabled");
  }
  form.dataset.closed = decided ? "decided" : theirs ? "theirs" : "";
  if (decided) shut();
}

function shut() {
  if (sent || "shut" in form.dataset) return;
  form.dataset.shut = "";
  clearTimeout(waiting);
  waiting = null;
  say("");
  for (const field of form.querySelectorAll("input:not([type=hidden]), textarea")) field.readOnly = true;
  for (const control of form.querySelectorAll("select, input[type=checkbox], input[type=radio], button:not([name=action])")) control.disabled = true;
  for (const gone of document.querySelectorAll(".dossier__due, .dossier__answer .actions, [data-edit], .actions__draft")) gone.hidden = true;
  refuse();
}

function refuse() {
  const note = document.getElementById("overtaken");
  const strip = document.querySelector("#presence .note p")?.textContent.trim() ?? "";
  note.querySelector("[data-typed-here]").hidden = ![...form.querySelectorAll("input:not([type=hidden]), textarea")].some((field) => field.value !== field.defaultValue);
  note.querySelector("[data-overtaken]").textContent = form.dataset.closed === "decided" ? "This is decided, and not by this form." : "Not sent. " + strip;
  note.hidden = false;
  note.scrollIntoView({ block: "center" });
  if (form.dataset.closed !== "decided") note.focus({ preventScroll: true });
}

form?.addEventListener("submit", (event) => {
  if (form.dataset.closed && event.submitter?.name === "action") {
    event.preventDefault();
    refuse();
  }
}, true);

function tellLeft() {
  for (const time of document.querySelectorAll("time[data-left]")) {
    const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
    time.textContent = seconds <= 0 ? "the claim has ended" : `${Math.ceil(seconds / 60)} min left`;
  }
}

document.addEventListener("htmx:load", () => { watchOthers(); tellLeft(); });
watchOthers();
tellLeft();
setInterval(tellLeft, 10_000);
/* What was wrong is brought into sight, above the actions that stand over the end of the form. */
const wrong = form?.querySelector("[aria-invalid=true], .field__errors");
if (wrong) {
  wrong.scrollIntoView({ block: "center" });
  /* The keys still act: who wants into the field presses E. */
  form.querySelector("[data-wrong]")?.focus({ preventScroll: true });
}
document.querySelector(".ask[aria-current]")?.scrollIntoView({ block: "nearest" });
