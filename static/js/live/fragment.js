/* Bringing one fragment up to date, without taking anything from the person who is using it.
 *
 *   <section id="run" data-live-topic="run.7" data-live-revision="12" data-live-href="/runs/7/"> … </section>
 *
 * The page is fetched as htmx would (HX-Request) on condition of the revision shown: 304 says that it is current. The
 * answer is an element with the same id. Forms that people fill in belong outside; where one is inside all the same, or
 * something is pressed, or text is selected, or a dialog is open, the fragment waits.
 */

import { isPressed, released } from "../pressed.js";

const WAIT_WHILE_USED = 1_000;
const TRIES_WHEN_BEHIND = 6;
const BETWEEN = 150;
const TIMEOUT = 10_000;

const busy = new Map();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function newer(revision, shown) {
  const [a, b] = [Number(revision), Number(shown)];
  return Number.isNaN(a) || Number.isNaN(b) ? String(revision) !== String(shown) : a > b;
}

/** Fetches until `wanted` (or, without it, what the server has) is shown. Resolves to whether the server confirmed it. */
export async function refresh(id, wanted = null) {
  const running = busy.get(id);
  if (running) {
    if (wanted !== null && (running.wanted === null || newer(wanted, running.wanted))) running.wanted = wanted;
    running.again = true;
    return running.promise;
  }
  const job = { wanted, again: false };
  job.promise = follow(id, job).finally(() => busy.delete(id));
  busy.set(id, job);
  return job.promise;
}

async function follow(id, job) {
  for (let tries = 0; tries < TRIES_WHEN_BEHIND; tries += 1) {
    const element = document.getElementById(id);
    if (!element) return true;
    job.again = false;
    if (!(await fetchOnce(element))) {
      if (job.again) continue; // asked for anew while this fetch was out: its failure is no answer to that
      return false;
    }
    const shown = document.getElementById(id)?.dataset.liveRevision;
    if (shown === undefined || job.wanted === null || !newer(job.wanted, shown)) return true;
    await pause(BETWEEN * (tries + 1));
  }
  return false;
}

async function fetchOnce(element) {
  const { liveHref, liveRevision } = element.dataset;
  let answer;
  let text;
  try {
    answer = await fetch(liveHref, {
      headers: { "HX-Request": "true", "HX-Target": element.id, "If-None-Match": `"${liveRevision}"` },
      cache: "no-store", credentials: "same-origin", redirect: "manual", signal: AbortSignal.timeout(TIMEOUT),
    });
    text = await answer.text(); // which the signal may break off as well
  } catch {
    return false;
  }
  if (answer.status === 304) return true;
  if (answer.headers.get("HX-Refresh")) location.reload(); // what it showed is gone, and the page says so when it is loaded anew
  if (answer.status !== 200) return false;
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById(element.id);
  if (!fresh?.dataset.liveTopic) return false;
  await unused(element.id);
  const now = document.getElementById(element.id);
  if (now && !newer(now.dataset.liveRevision, fresh.dataset.liveRevision)) swap(now, text);
  return true;
}

async function unused(id) {
  for (;;) {
    const element = document.getElementById(id);
    if (!element || !(isPressed(element) || inUse(element))) {
      if (element) delete element.dataset.liveHeld;
      return;
    }
    element.dataset.liveHeld = "";
    await (isPressed(element) ? released() : pause(WAIT_WHILE_USED));
  }
}

function inUse(element) {
  const typing = [...element.querySelectorAll("input, textarea, select")].some((field) => field === document.activeElement || changed(field));
  const selection = document.getSelection();
  const selecting = selection && !selection.isCollapsed && selection.rangeCount > 0 && selection.getRangeAt(0).intersectsNode(element);
  return typing || selecting || element.querySelector("dialog[open], [popover]:popover-open") !== null;
}

function changed(field) {
  if (field.type === "hidden") return false;
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field instanceof HTMLSelectElement) return field.selectedIndex > -1 && !field.options[field.selectedIndex].defaultSelected && (field.selectedIndex > 0 || field.querySelector("[selected]") !== null);
  return field.value !== field.defaultValue;
}

/** Swaps and keeps what the reader has opened, scrolled, written or gone to; htmx keeps the focus of elements with an id. */
export function swap(element, text) {
  const written = [...element.querySelectorAll("input[id], textarea[id], select[id]")].filter(changed);
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  const folds = new Map([...element.querySelectorAll("details[id]")].map((fold) => [fold.id, fold.open]));
  const scrolled = [...element.querySelectorAll("[id]")].filter((part) => part.scrollTop > 0 || part.scrollLeft > 0).map((part) => [part.id, part.scrollTop, part.scrollLeft]);
  window.htmx.swap(element, text, { swapStyle: "outerHTML", swapDelay: 0, settleDelay: 0 });
  for (const [id, open] of folds) {
    const fold = document.getElementById(id);
    if (fold) fold.open = open;
  }
  for (const [id, top, left] of scrolled) document.getElementById(id)?.scrollTo(left, top);
  for (const field of written) write(document.getElementById(field.id), field);
  if (focused && !document.body.contains(focused) && document.activeElement === document.body) likeOf(focused)?.focus({ preventScroll: true });
}

/** Puts into a field what stands in the one that it takes the place of. What was typed may have become a choice meanwhile. */
export function write(field, from) {
  const typed = field?.options && from.matches("input:not([type=checkbox], [type=radio])");
  if (field?.type !== from.type && !typed) return;
  if (field.matches("[type=checkbox], [type=radio]")) field.checked = from.checked;
  else if (!field.options || [...field.options].some(({ value }) => value === from.value)) field.value = from.value;
}

/* What has no id is known by where it stands and what it is. */
function likeOf(element) {
  const around = document.getElementById(element.closest("[id]")?.id);
  const alone = element.cloneNode();
  return [...(around?.querySelectorAll(element.localName) ?? [])].find((one) => one.cloneNode().isEqualNode(alone));
}
