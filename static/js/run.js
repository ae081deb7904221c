/* The page of a run: a click changes what is chosen, and neither the path nor the reader loses the place. */

let scrolled = 0;
let clicked = "";

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target?.id !== "run") return;
  scrolled = document.getElementById("path")?.scrollTop ?? 0;
  clicked = event.detail.requestConfig?.elt?.closest?.("#lanes") ? "lanes" : "chosen";
});

document.addEventListener("htmx:afterSettle", () => {
  if (!clicked) return;
  const wanted = clicked;
  clicked = "";
  document.getElementById("path")?.scrollTo(0, scrolled);
  document.querySelector("#path [aria-current]")?.scrollIntoView({ block: "nearest" });
  const chosen = document.getElementById(wanted);
  const top = chosen?.getBoundingClientRect().top ?? 0;
  if (top < 0 || top > window.innerHeight * 0.7) chosen?.scrollIntoView();
});

/* The graph: drawn once its fold is opened, which is remembered; it stays when the run comes anew, and asks where that is by then. */
const REMEMBERED = "run-graph";

function draw() {
  const fold = document.getElementById("graph");
  const place = document.getElementById("run-graph");
  if (!fold?.open || !place) return;
  if (place.firstElementChild) return refresh();
  const canvas = document.createElement("workflow-canvas");
  for (const name of ["graph", "icons"]) canvas.setAttribute(name, place.dataset[name]);
  canvas.setAttribute("aria-label", "The way of this run, drawn");
  place.append(canvas);
}

/* One that is folded away asks once it is opened. */
function refresh(revision) {
  document.querySelector("#graph[open] workflow-canvas")?.dispatchEvent(new CustomEvent("canvas:refresh", { detail: { revision } }));
}

function remembered() {
  const fold = document.getElementById("graph");
  if (fold && localStorage.getItem(REMEMBERED)) fold.open = true;
}

document.addEventListener("toggle", (event) => {
  if (event.target.id !== "graph") return;
  event.target.open ? localStorage.setItem(REMEMBERED, "open") : localStorage.removeItem(REMEMBERED);
  draw();
}, true);

document.addEventListener("htmx:load", ({ detail: { elt } }) => {
  if (elt.id === "run") refresh(Number(elt.dataset.liveRevision));
  if (elt.id === "lanes") refresh(); // child runs move without their run
});

/* A step leads to its last visit, one inside of a map or parallel to the child runs, those first that need looking at. */
document.addEventListener("canvas:select", ({ detail: { step, select, lanes } }) => {
  if (!step) return;
  if (lanes === undefined) document.getElementById(`reach-${step}`)?.click();
  else window.htmx.ajax("GET", `${location.pathname}?seq=${select}${lanes && `&lanes=${lanes}`}#lanes`, { source: "#run" });
});

remembered();
