/* Loads the editor of texts (canvas/src/code), once there is a form that has one. Without it they are text areas. */

const { code } = document.querySelector("script[data-code]").dataset;

function look() {
  if (document.querySelector("[data-texts]")) import(code).catch(() => {}); // text areas do
}

document.addEventListener("htmx:load", look);
look();
