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
