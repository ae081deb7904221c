/* What sticks to the edges of a page lies over what is scrolled under it. What has the focus, what a link in the page leads to and
   the line that is typed are brought clear of that. */

const MARGIN = 8; // px, for the ring

/** What of the page scrolls it. */
export function scroller(element) {
  for (let above = element.parentElement; above; above = above.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(above).overflowY) && !above.matches("body, html")) return above;
  }
  return document.documentElement;
}

/** Scrolls the form that it is in as little as shows it, or, where that is said, a line of it. */
export function clear(element, line = null) {
  const panel = element.closest(".step-panel");
  if (!panel || panel === element || element.closest("dialog")) return;
  const box = scroller(panel);
  const [upper, lower] = free(element, panel, box);
  const { top, bottom } = line ?? shown(element, lower - upper);
  const by = top < upper || bottom - top > lower - upper ? top - upper : Math.max(bottom - lower, 0);
  if (by) box.scrollBy({ top: by, behavior: "instant" });
}

/* From where to where nothing lies over it. */
function free(element, panel, box) {
  const isPage = box === document.documentElement;
  const { top, bottom } = isPage ? { top: 0, bottom: innerHeight } : box.getBoundingClientRect();
  const over = (selector, within) => [...within.querySelectorAll(selector)].filter((part) => !part.contains(element) && /sticky|fixed/.test(getComputedStyle(part).position)).map((part) => part.getBoundingClientRect());
  const above = [...(isPage ? over(".bar", document) : []), ...over(":scope > .panel__head", panel)].map((rect) => rect.bottom);
  const below = [...(isPage ? over(".nav", document) : []), ...over(".step-form__actions", element.closest("form") ?? element)].map((rect) => rect.top);
  return [Math.max(top, ...above) + MARGIN, Math.min(bottom, ...below) - MARGIN];
}

/* The whole field with its label and what is said of it, where there is room for that; of a long text the line of the caret. */
function shown(element, room) {
  const parts = [element.closest(".field"), element].filter(Boolean).map((part) => part.getBoundingClientRect());
  return parts.find(({ height }) => height <= room) ?? caret(element) ?? parts.at(-1);
}

function caret(element) {
  const { anchorNode, rangeCount } = getSelection();
  if (!rangeCount || !element.isContentEditable || !element.contains(anchorNode)) return null;
  const range = getSelection().getRangeAt(0).getBoundingClientRect();
  return range.height ? range : (anchorNode.nodeType === Node.ELEMENT_NODE ? anchorNode : anchorNode.parentElement).getBoundingClientRect();
}

/* Once it is where the browser brings it. Who presses a button with the mouse sees it, and must not have it moved from under it. */
document.addEventListener("focusin", ({ target }) => {
  if (target.matches(":focus-visible")) requestAnimationFrame(() => { if (target === document.activeElement) clear(target); });
});
document.addEventListener("code:caret", ({ target, detail }) => clear(target, detail));
document.addEventListener("click", ({ target }) => {
  const led = target.closest('a[href^="#"]')?.hash.slice(1);
  if (led) requestAnimationFrame(() => { const to = document.getElementById(led); if (to) clear(to); });
});
