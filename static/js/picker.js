/* Picking a value instead of typing its path: a list of all that can be read, as the server tells it in #places-known, to be
 * searched and chosen from by mouse or by keys. A field says in data-picks how a place is written there: in `${…}`, or bare. */

const NAMES = "[A-Za-z_]\\w*(?:\\.[A-Za-z_]\\w*)*";
/* What holds one place and nothing else, as dashboard/panel/offering.py reads it. */
const ALONE = { value: new RegExp(`^\\$\\{\\s*(${NAMES})\\s*\\}$`), place: new RegExp(`^\\s*(${NAMES})\\s*$`) };
const EXPRESSION = /\$\{[^{}]*\}/g;
const MOST = 300; // where the server ends the list
const PAGE = 8;

const entered = new WeakSet(); // fields in which somebody put the caret
let field = null;
let options = [];
let at = -1;

const picker = () => document.getElementById("picker");
const search = () => document.getElementById("picker-search");

function lists() {
  const source = document.getElementById("places-known");
  return source ? JSON.parse(source.content.textContent) : {};
}

const placesOf = (control) => lists()[control.dataset.offers] ?? [];
const held = (control) => ALONE[control.dataset.picks].exec(control.value)?.[1] ?? "";

/** Whether the place that stands there is one whose contract lists its values. */
export const listsValues = (control) => placesOf(control).some((place) => place.path === held(control) && place.options.length > 0);

function open(control) {
  field = control;
  search().value = "";
  picker().showModal();
  draw();
  search().focus();
}

function draw() {
  const words = search().value.toLowerCase().split(/\s+/).filter(Boolean);
  const places = placesOf(field);
  const found = places.filter((place) => words.every((word) => `${place.name} ${place.group} ${place.path} ${place.type} ${place.words}`.toLowerCase().includes(word)));
  const list = picker().querySelector("[data-picker-list]");
  list.replaceChildren(...grouped(found).map(([title, inside], number) => group(title, inside, number)));
  options = [...list.querySelectorAll("[role=option]")];
  picker().querySelector("[data-picker-count]").textContent = `${found.length} of ${places.length}`;
  const none = picker().querySelector("[data-picker-none]");
  none.hidden = found.length > 0;
  none.textContent = places.length > 0 ? "Nothing that can be read here is called that." : "Nothing can be read here yet: nothing comes before it.";
  const now = words.length ? nearest(search().value.trim().toLowerCase()) : options.findIndex((option) => option.dataset.path === held(field));
  move(options.length ? Math.max(now, 0) : -1);
}

/* What is called so comes before what begins so, and that before what only says so. */
function nearest(name) {
  const last = options.map((option) => option.dataset.path.toLowerCase().split(".").pop());
  return [last.indexOf(name), last.findIndex((each) => each.startsWith(name)), options.findIndex((option) => option.dataset.path.toLowerCase().includes(name))].find((found) => found >= 0) ?? 0;
}

function grouped(places) {
  const found = new Map();
  for (const place of places) found.set(place.group, [...(found.get(place.group) ?? []), place]);
  return [...found];
}

function group(title, places, number) {
  const made = element("div", "picker__group", { role: "group", "aria-labelledby": `picker-group-${number}` });
  made.append(element("p", "picker__title", { id: `picker-group-${number}`, role: "presentation" }, title));
  places.forEach((place, index) => made.append(option(place, `picker-${number}-${index}`)));
  return made;
}

function option(place, id) {
  const made = element("div", "picker__option", { role: "option", id, "aria-selected": "false", "data-path": place.path });
  const head = element("span", "picker__name", {}, place.name);
  const about = element("span", "picker__about");
  about.append(element("code", "", {}, place.path));
  if (![place.type, `a ${place.type}`, `an ${place.type}`].includes(place.words)) about.append(element("span", "", {}, place.words));
  if (place.optional) about.append(element("span", "", {}, "may be absent"));
  made.append(head, element("span", "tag", {}, place.type), about);
  return made;
}

function element(name, className, attributes = {}, text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

function move(to) {
  options[at]?.setAttribute("aria-selected", "false");
  at = to;
  const chosen = options[at];
  chosen?.setAttribute("aria-selected", "true");
  chosen?.scrollIntoView({ block: "nearest" });
  if (chosen) search().setAttribute("aria-activedescendant", chosen.id);
  else search().removeAttribute("aria-activedescendant");
}

const KEYS = {
  ArrowDown: () => (at + 1) % options.length, ArrowUp: () => (at - 1 + options.length) % options.length,
  PageDown: () => Math.min(at + PAGE, options.length - 1), PageUp: () => Math.max(at - PAGE, 0),
};

function choose(path) {
  const control = field;
  picker().close();
  control.focus();
  write(control, path);
  for (const kind of ["input", "change"]) control.dispatchEvent(new Event(kind, { bubbles: true }));
}

/* It takes the place of an expression that stands alone or around the caret, else it is put in at the caret. */
function write(control, path) {
  if (control.dataset.picks === "place") {
    control.value = path;
    return;
  }
  const { value } = control;
  const alone = !value.trim() || [...value.matchAll(EXPRESSION)].some(([whole]) => whole === value.trim());
  const [start, end] = alone ? [0, value.length] : around(control);
  control.setRangeText(`\${${path}}`, start, end, "end");
}

function around(control) {
  const { value } = control;
  const [start, end] = entered.has(control) ? [control.selectionStart, control.selectionEnd] : [value.length, value.length];
  for (const found of value.matchAll(EXPRESSION)) {
    if (start === end && found.index < start && start < found.index + found[0].length) return [found.index, found.index + found[0].length];
  }
  return [start, end];
}

/* What the place in a field is called, as dashboard/panel/seen.py says it. */
function tell(control) {
  const note = control.closest(".field")?.querySelector("[data-said]");
  if (!note) return;
  const [said, nowhere] = told(placesOf(control), held(control));
  note.textContent = said;
  note.hidden = !said;
  note.classList.toggle("field__said--nowhere", nowhere);
}

function told(places, path) {
  if (!path || places.length === 0) return ["", false];
  const known = new Map(places.map((place) => [place.path, place]));
  const found = known.get(path);
  if (found) return [`${found.name}${found.options.length ? ":" : ","} ${found.words}${found.optional ? " (may be absent)" : ""}`, false];
  let above = path;
  do above = above.slice(0, Math.max(above.lastIndexOf("."), 0));
  while (above && !known.has(above));
  if (places.length >= MOST || known.get(above)?.open) return ["", false];
  return [`There is no place ${path} that could be read here.`, true];
}

document.addEventListener("focusin", ({ target }) => {
  if (!target.matches?.("[data-picks]")) return;
  target.removeAttribute("list"); // two lists for one field would be one too many
  entered.add(target);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-pick]");
  if (button) return open(button.closest(".field").querySelector("[data-picks]"));
  const chosen = event.target.closest?.("#picker [role=option]");
  if (chosen) choose(chosen.dataset.path);
  else if (event.target === picker()) picker().close(); // beside it
});

document.addEventListener("keydown", (event) => {
  if (event.target.matches?.("[data-picks]") && event.altKey && event.key === "ArrowDown") {
    event.preventDefault();
    open(event.target);
  } else if (event.target === search() && !event.isComposing) {
    const go = options.length > 0 && KEYS[event.key];
    if (go) move(go());
    else if (event.key === "Enter" && options[at]) choose(options[at].dataset.path);
    else if (event.key !== "Enter") return;
    event.preventDefault();
  }
});

document.addEventListener("input", ({ target }) => {
  if (target === search()) draw();
  else if (target.matches?.("[data-picks]")) tell(target);
});

/* The focus goes back to the field, by whichever way the list was left. */
document.addEventListener("close", ({ target }) => {
  if (target === picker() && document.activeElement !== field && field?.isConnected) field.focus();
}, true);
