/* Colours, and what a prompt's input does not have, underlined. */

import { type EditorState, RangeSetBuilder, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, type EditorView, ViewPlugin, type ViewUpdate } from "@codemirror/view";
import type { Token } from "./token";

export const named = StateEffect.define<string[]>();
/** The names that a prompt may begin with. */
export const names = StateField.define<string[]>({
  create: () => [],
  update: (before, { effects }) => effects.findLast((effect) => effect.is(named))?.value ?? before,
});

export interface Loop {
  name: string;
  over: string;
}
const LOOPS = /\{%-?\s*for\s+([A-Za-z_]\w*)\s+in\s+([A-Za-z_][\w.]*)?/g;

export const loopsIn = (source: string): Loop[] => [...source.matchAll(LOOPS)].map(([, name, over]) => ({ name: name!, over: over ?? "" }));

export function unknownIn(state: EditorState, tokens: Token[], known: string[], typing: boolean): Token[] {
  const loops = loopsIn(state.doc.toString());
  const all = new Set([...known, ...loops.map((loop) => loop.name), ...(loops.length ? ["loop"] : [])]);
  const { head } = state.selection.main;
  return tokens.filter(({ kind, text, to }) => kind === "name" && !all.has(text) && !(typing && to === head));
}

export function marks(cut: (source: string) => Token[], isPrompt: boolean) {
  const tokens = StateField.define<Token[]>({
    create: (state) => cut(state.doc.toString()),
    update: (before, change) => (change.docChanged ? cut(change.state.doc.toString()) : before),
  });
  const plugin = ViewPlugin.fromClass(
    class {
      drawn!: DecorationSet;
      unknown!: Token[];
      constructor(view: EditorView) {
        this.draw(view);
      }
      update({ view, docChanged, selectionSet, focusChanged, transactions }: ViewUpdate) {
        const renamed = transactions.some(({ effects }) => effects.some((effect) => effect.is(named)));
        if (docChanged || renamed || (isPrompt && (selectionSet || focusChanged))) this.draw(view);
      }
      draw({ state, hasFocus }: EditorView) {
        const all = state.field(tokens);
        this.unknown = isPrompt ? unknownIn(state, all, state.field(names), hasFocus) : [];
        const builder = new RangeSetBuilder<Decoration>();
        for (const token of all) builder.add(token.from, token.to, this.unknown.includes(token) ? UNKNOWN : drawn(token.kind));
        this.drawn = builder.finish();
      }
    },
    { decorations: (value) => value.drawn },
  );
  return { tokens, plugin };
}

const UNKNOWN = Decoration.mark({ class: "code-name code-unknown" });
const made = new Map<string, Decoration>();
function drawn(kind: string): Decoration {
  if (!made.has(kind)) made.set(kind, Decoration.mark({ class: `code-${kind}` }));
  return made.get(kind)!;
}
