/* The page of a run: a click changes what is chosen, and neither the path nor the reader loses the place. */

let scrolled = 0;
let clicked = false;

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target?.id !== "run") return;
  scrolled = document.getElementById("path")?.scrollTop ?? 0;
  clicked = true;
});

document.addEventListener("htmx:afterSettle", () => {
  if (!clicked) return;
  clicked = false;
  document.getElementById("path")?.scrollTo(0, scrolled);
  document.querySelector("#path [aria-current]")?.scrollIntoView({ block: "nearest" });
  const chosen = document.getElementById("chosen");
  const top = chosen?.getBoundingClientRect().top ?? 0;
  if (top < 0 || top > window.innerHeight * 0.7) chosen?.scrollIntoView();
});
