/* What is typed into a form stays in this tab until the server has taken it: who was signed out meanwhile, or whose form was too
 * old, is offered it again. It is never sent by itself.
 *
 *   <form data-typed="otto" …> {% include "components/typed.html" %} …       keeps, and offers to otto alone
 *   <div data-typed-left="otto" hidden><pre></pre></div>                     shows it where there is no form any more
 *   <p data-typed-note hidden>                                               shown on the way, where something is kept
 */

const PREFIX = "interlock:typed:";
const PAUSE = 300;
/* Of the page, not of the person: these are taken from the page on which the text is taken up again. */
const OURS = new Set(["csrfmiddlewaretoken", "revision", "token", "once", "version", "form_turn", "as"]);
/* Buttons that ask for the same again as another form. */
const TURNS = new Set(["as", "form_turn"]);

const store = {
  read(key) {
    try {
      return JSON.parse(sessionStorage.getItem(key));
    } catch {
      return null;
    }
  },
  write(key, entry) {
    try {
      sessionStorage.setItem(key, JSON.stringify(entry));
    } catch {
      // full, or switched off: the form works all the same
    }
  },
  drop: (key) => sessionStorage.removeItem(key),
  keys: () => Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX)),
};

const keyOf = (person) => `${PREFIX}${person}:${location.pathname}`;
const fieldsOf = (form) => [...new FormData(form)].filter(([name, value]) => !OURS.has(name) && typeof value === "string");
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/* A page that only stands in between, to sign in or to say what went wrong: nothing was taken there. Any other page that follows a
   form says that it was. */
const between = document.querySelector(".entrance, .page--error") !== null;
for (const key of store.keys()) {
  const entry = store.read(key);
  if (!entry?.sent || entry.path === location.pathname) continue;
  if (between) store.write(key, { ...entry, sent: false });
  else store.drop(key);
}

for (const note of document.querySelectorAll("[data-typed-note]")) {
  const path = new URL(note.dataset.typedNote || location.href, location.origin).pathname;
  note.hidden = !store.keys().some((key) => store.read(key)?.path === path);
}

function watch(form) {
  const key = keyOf(form.dataset.typed);
  const opened = fieldsOf(form);
  const found = store.read(key);
  let timer = 0;
  let offered = false;
  const keep = (sent, turned = false) => {
    clearTimeout(timer);
    timer = 0;
    if (offered && !sent) return;
    const fields = fieldsOf(form);
    if (!found && same(fields, opened)) store.drop(key);
    else store.write(key, { path: location.pathname, fields, sent, turned, at: Date.now() });
  };
  if (found?.turned && found.sent) store.write(key, { ...found, fields: opened, sent: false }); // it is here, in another shape
  else if (found && !same(found.fields, opened)) {
    offered = true;
    offer(form, found, () => { offered = false; }, () => { offered = false; store.drop(key); });
  } else if (found) store.write(key, { ...found, sent: false });
  form.addEventListener("input", () => { offered = false; clearTimeout(timer); timer = setTimeout(keep, PAUSE, false); });
  form.addEventListener("submit", (event) => { if (!event.defaultPrevented) keep(true, TURNS.has(event.submitter?.name)); });
  addEventListener("pagehide", () => { if (timer) keep(false); });
}

function offer(form, found, taken, dropped) {
  const note = form.querySelector("[data-typed-offer]");
  if (!note) return;
  note.hidden = false;
  note.querySelector("[data-take]").addEventListener("click", () => { note.hidden = true; taken(); take(form, found.fields); }, { once: true });
  note.querySelector("[data-drop]").addEventListener("click", () => { note.hidden = true; dropped(); }, { once: true });
}

/* A form that the server makes from a schema comes anew with these values, which decides nothing; another is filled in here. */
function take(form, fields) {
  if (!form.querySelector("button[name=form_turn][value=keep]")) {
    for (const [name, value] of fields) if (form.elements[name]) form.elements[name].value = value;
    form.dispatchEvent(new Event("input"));
    return;
  }
  const again = document.createElement("form");
  Object.assign(again, { method: "post", action: location.href, hidden: true });
  const ours = [...new FormData(form)].filter(([name]) => OURS.has(name));
  for (const [name, value] of [...ours, ...fields, ["form_turn", "keep"]]) {
    const control = document.createElement("textarea");
    Object.assign(control, { name, value });
    again.append(control);
  }
  document.body.append(again);
  again.submit();
}

for (const form of document.querySelectorAll("form[data-typed]")) watch(form);
for (const left of document.querySelectorAll("[data-typed-left]")) {
  const found = store.read(keyOf(left.dataset.typedLeft));
  const text = found?.fields.map(([, value]) => value).filter((value) => value && value !== "on").join("\n");
  left.hidden = !text;
  if (text) left.querySelector("pre").textContent = text;
}
/* Who signs out means to leave nothing behind. */
document.addEventListener("submit", (event) => {
  if (event.target.getAttribute("action")?.endsWith("/account/logout/")) for (const key of store.keys()) store.drop(key);
});
