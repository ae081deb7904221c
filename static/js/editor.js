/* Line numbers, colours and problem marks for a text area of YAML. The text area stays what is edited and sent. */

import { keep } from "./unsaved.js";
import { paint } from "./yaml.js";

const INDENT = "  ";

function enhance(editor) {
  const area = editor.querySelector("textarea");
  const gutter = editor.querySelector(".editor__gutter");
  const under = editor.querySelector(".editor__paint");

  const draw = () => {
    const marks = problemsOf(editor);
    const lines = area.value.split("\n");
    gutter.replaceChildren(...lines.map((_, index) => number(index + 1, marks.get(index + 1))));
    under.replaceChildren(paint(area.value));
    follow();
  };
  const follow = () => {
    gutter.scrollTop = area.scrollTop;
    under.scrollTo(area.scrollLeft, area.scrollTop);
  };
  area.addEventListener("input", draw);
  document.addEventListener("htmx:load", draw); // the problems may have come anew
  area.addEventListener("scroll", follow);
  area.addEventListener("keydown", (event) => edit(event, area));
  editor.classList.add("editor--painted");
  new ResizeObserver(follow).observe(area);
  if (!area.readOnly && "unsaved" in editor.dataset) keep(editor, area);
  draw();
}

function number(line, severity) {
  const span = document.createElement("span");
  span.textContent = String(line);
  if (severity) span.className = severity;
  return span;
}

function problemsOf(editor) {
  const list = editor.dataset.problems && document.getElementById(editor.dataset.problems);
  const marks = new Map();
  for (const item of list?.querySelectorAll("[data-line]") ?? []) {
    const line = Number(item.dataset.line);
    if (marks.get(line) !== "error") marks.set(line, item.dataset.severity);
  }
  return marks;
}

function edit(event, area) {
  if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.metaKey) {
    const before = area.value.slice(0, area.selectionStart);
    const line = before.slice(before.lastIndexOf("\n") + 1);
    const indent = line.match(/^ */)[0] + (/:\s*[|>]?\s*$/.test(line) ? INDENT : "");
    insert(event, area, "\n" + indent);
  } else if ((event.ctrlKey || event.metaKey) && (event.key === "]" || event.key === "[")) {
    shift(event, area, event.key === "]");
  }
}

const MANY = 40;

/** execCommand is old, but it is the only way to change a text area that the browser's own undo knows of. It takes seconds for
    hundreds of lines, so those go in without. */
function insert(event, area, text) {
  event.preventDefault();
  if (text.split("\n").length <= MANY) {
    document.execCommand("insertText", false, text);
    return;
  }
  area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

function shift(event, area, inward) {
  const from = area.value.lastIndexOf("\n", area.selectionStart - 1) + 1;
  const end = area.value.indexOf("\n", Math.max(area.selectionEnd - 1, from));
  const to = end === -1 ? area.value.length : end;
  const moved = area.value.slice(from, to).split("\n").map((line) => (inward ? INDENT + line : line.replace(/^ {1,2}/, ""))).join("\n");
  area.setSelectionRange(from, to);
  insert(event, area, moved);
  area.setSelectionRange(from, from + moved.length);
}

function goTo(area, line) {
  const start = area.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  const end = area.value.indexOf("\n", start);
  area.focus();
  area.setSelectionRange(start, end === -1 ? area.value.length : end);
  area.scrollTop = Math.max(0, (line - 4) * parseFloat(getComputedStyle(area).lineHeight));
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-goto]");
  const area = link && document.getElementById(link.hash.slice(1));
  if (!area) return;
  event.preventDefault();
  goTo(area, Number(link.dataset.goto));
});

const begin = (root) => root.querySelectorAll("[data-editor]:not(.editor--painted)").forEach(enhance);
document.addEventListener("htmx:load", (event) => begin(event.detail.elt));
begin(document);

/* `#line-12`, from a page that only names it. */
const line = /^#line-(\d+)$/.exec(location.hash);
const definition = line && document.getElementById("definition");
if (definition) goTo(definition, Number(line[1]));
