/* The braces that close an expression are put there with what is taken into it. Who types them all the same types over them. */

import { type Completion, pickedCompletion } from "@codemirror/autocomplete";
import { type Extension, StateEffect, StateField } from "@codemirror/state";
import { EditorView } from "@codemirror/view";

/** Behind them, and how many of them were not typed yet. */
interface Put { at: number; left: number }

const put = StateEffect.define<Put>();

const last = StateField.define<Put | null>({
  create: () => null,
  update(now, { docChanged, effects, newDoc, startState, state }) {
    const fresh = effects.find((effect) => effect.is(put));
    if (fresh) return fresh.value as Put;
    if (!now || (!docChanged && state.selection.main.head !== now.at)) return null;
    const spaced = newDoc.length === startState.doc.length + 1 && newDoc.sliceString(now.at - 2, now.at + 1) === "}} "; // and it is not known yet what for
    return !docChanged || spaced ? now : null;
  },
});

const over = EditorView.inputHandler.of((view, from, to, text) => {
  const now = view.state.field(last);
  if (!now || now.left === 0 || text !== "}" || from !== to || isWithinPlain(view.state.doc.sliceString(0, now.at))) return false;
  view.dispatch({ changes: { from: now.at, to: from }, selection: { anchor: now.at }, effects: put.of({ at: now.at, left: now.left - 1 }), userEvent: "input.type", scrollIntoView: true });
  return true;
});

export const closings: Extension = [last, over];

/** Whether a brace that is none of an expression stands open, as in JSON. */
function isWithinPlain(before: string): boolean {
  const plain = before.replace(/\{\{[^]*?\}\}|\{%[^]*?%\}|\{#[^]*?#\}/g, "");
  return plain.split("{").length > plain.split("}").length;
}

/** With a space behind the braces, and the braces that close them where they are missing. */
export function closing(view: EditorView, completion: Completion, from: number, to: number): void {
  const { doc } = view.state;
  const line = doc.lineAt(to);
  const closed = /^[^{]*\}\}/.test(line.text.slice(to - line.from));
  const insert = (doc.sliceString(from - 1, from) === "{" ? " " : "") + completion.label + (closed ? "" : " }}");
  const anchor = from + insert.length;
  view.dispatch({ changes: { from, to, insert }, selection: { anchor }, effects: closed ? [] : put.of({ at: anchor, left: 2 }), userEvent: "input.complete", annotations: pickedCompletion.of(completion) });
}
