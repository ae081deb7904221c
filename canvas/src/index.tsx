/* <workflow-canvas>: a workflow or a run, drawn.
 *
 *   graph      where its graph is fetched; the address alone is enough to look at it
 *   icons      the sheet of icons
 *   commands, undo, redo, copy, token    where edits go; without them nothing can be changed
 *   undoes, redoes    what undo and redo would do, in words
 *   selected   the step that is chosen
 *
 * Fires canvas:select {step, open}, of a run {step, select, lanes}, and draft:changed {revision, by: "canvas"}; heeds draft:changed of others and draft:elsewhere,
 * canvas:show {step}, canvas:perform {commands} and canvas:refresh. Text stays text: nothing of the data becomes markup.
 */

import "./library.css";
import { createRoot, type Root } from "react-dom/client";
import { Shell } from "./Shell";

class WorkflowCanvas extends HTMLElement {
  #root: Root | null = null;
  #leaving = 0;

  connectedCallback(): void {
    clearTimeout(this.#leaving); // it was only moved
    if (this.#root) return;
    this.#root = createRoot(this);
    this.#root.render(<Shell element={this} />);
  }

  disconnectedCallback(): void {
    this.#leaving = window.setTimeout(() => {
      this.#root?.unmount();
      this.#root = null;
    });
  }
}

customElements.define("workflow-canvas", WorkflowCanvas);
