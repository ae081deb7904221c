/* What somebody presses stays until they have let go of it: a click takes both, and it takes them on one element. */

const CLICK = 60; // a finger's click comes a moment after it is lifted

let pressed = null;
let waiting = [];
let ending = 0;

function release() {
  pressed = null;
  const all = waiting;
  waiting = [];
  for (const go of all) go();
}

document.addEventListener("pointerdown", ({ target }) => {
  clearTimeout(ending);
  pressed = target;
}, true);
for (const kind of ["pointerup", "pointercancel", "contextmenu"]) { // while a menu of the browser's is open, nothing more may come
  document.addEventListener(kind, () => {
    clearTimeout(ending);
    ending = setTimeout(release, CLICK);
  }, true);
}
window.addEventListener("blur", release);

export const isPressed = (element) => pressed !== null && element.contains(pressed);

/** Goes on once nothing is pressed. */
export const released = () => (pressed === null ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve)));
