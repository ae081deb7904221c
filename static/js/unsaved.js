/* What is typed into an editor and not saved yet stays in this browser, per person, text and revision, and is offered again.
   Leaving the page asks first. */

import { tellTimes } from "./page.js";

const PREFIX = "interlock:unsaved:";
const PAUSE = 400;

const store = {
  read(key) {
    try {
      return JSON.parse(localStorage.getItem(PREFIX + key));
    } catch {
      return null;
    }
  },
  write(key, entry) {
    try {
      localStorage.setItem(PREFIX + key, JSON.stringify(entry));
    } catch {
      // full, or switched off: leaving the page still asks
    }
  },
  drop(key) {
    try {
      localStorage.removeItem(PREFIX + key);
    } catch {
      // as above
    }
  },
};

/** `editor` says in data-keep whose text it is, in data-revision on which state it rests; data-refused: it came back unsaved. */
export function keep(editor, area) {
  const { keep: key, revision = "", refused, made } = editor.dataset;
  const saved = refused === undefined ? area.defaultValue : null;
  const form = area.form;
  let offered = null;
  let leaving = false;
  let timer = 0;

  const dirty = () => area.value !== saved;
  const note = () => {
    clearTimeout(timer);
    if (!key || offered) return;
    if (dirty()) store.write(key, { text: area.value, revision: rests(form, revision), at: Date.now() });
    else store.drop(key);
  };
  const settle = () => {
    offered = null;
    editor.parentElement.querySelector("[data-offer]").hidden = true;
  };

  if (made) dropMade(made, saved);
  const found = key && store.read(key);
  if (found && (found.text === area.value || (found.sent && found.revision !== revision && saved !== null))) store.drop(key);
  else if (found && saved !== null) {
    offered = found;
    offer(editor, found, revision, {
      take() {
        settle();
        if (form?.elements.revision) form.elements.revision.value = found.revision;
        area.value = found.text;
        area.focus();
        area.dispatchEvent(new Event("input", { bubbles: true }));
        note();
      },
      drop() {
        settle();
        store.drop(key);
        note();
      },
    });
  }
  if (saved === null) note();

  area.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(note, PAUSE);
  });
  addEventListener("pagehide", () => leaving || note());
  addEventListener("beforeunload", (event) => {
    if (!leaving && area.isConnected && dirty()) event.preventDefault();
  });
  form?.addEventListener("submit", () => {
    note();
    leaving = true;
    const entry = key && store.read(key);
    if (entry && !offered) store.write(key, { ...entry, sent: true });
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-discards]")) return;
    leaving = true;
    store.drop(key);
  });
  addEventListener("pageshow", () => { leaving = false; });
}

/** A text that was taken up rests on the revision that it was written over, so that saving it overtakes nobody. */
const rests = (form, revision) => form?.elements.revision?.value ?? revision;

function offer(editor, found, revision, does) {
  const note = editor.parentElement.querySelector("[data-offer]");
  note.querySelector("time").dateTime = new Date(found.at).toISOString();
  note.querySelector("[data-moved]").hidden = found.revision === revision;
  note.querySelector("[data-take]").addEventListener("click", does.take, { once: true });
  note.querySelector("[data-drop]").addEventListener("click", does.drop, { once: true });
  note.hidden = false;
  tellTimes();
}

/** The text that a workflow was just made of is not unsaved any more. */
function dropMade(key, saved) {
  const found = store.read(key);
  if (found?.sent && (found.text === saved || document.referrer.endsWith("/workflows/new/"))) store.drop(key);
}

/** A page that comes after saving says so. */
for (const element of document.querySelectorAll("[data-kept-as]")) {
  const found = store.read(element.dataset.keptAs);
  if (found?.sent && found.revision !== element.dataset.revision) store.drop(element.dataset.keptAs);
}
