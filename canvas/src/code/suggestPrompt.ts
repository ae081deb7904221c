/* Suggestions in a prompt: what the step's own input holds, and what its expressions are made of. */

import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import type { StateField } from "@codemirror/state";
import { closing } from "./closing";
import { loopsIn, names } from "./marks";
import { type Prompt, type Variable, valuesSeen } from "./told";
import { isQuoted, type Token } from "./token";

const TAGS = ["if", "elif", "else", "endif", "for", "endfor"];
const WORD = /^[\w.]*$/;

export function suggestPrompt(told: Prompt, tokens: StateField<Token[]>) {
  return (context: CompletionContext): CompletionResult | null => {
    const { state, pos, explicit } = context;
    const before = state.doc.sliceString(0, pos);
    const all = state.field(tokens);
    if (isQuoted(all, pos)) return null;
    const mark = all.findLast(({ kind, to }) => kind === "mark" && to <= pos)?.text ?? "";
    const readable = variablesIn(told, state.field(names), before);
    if (!mark.startsWith("{")) return explicit ? { from: pos, options: readable.map((each) => variable(each, `{{ ${each.path} }}`)), filter: false } : null;

    const named = (words: string[], detail: string) => words.map((label) => ({ label, detail }));
    const found = (typed: string, options: Completion[]) => ({ from: pos - typed.length, options, validFor: WORD });
    const part = /(\|\s*|\bis\s+(?:not\s+)?)(\w*)$/.exec(before);
    if (part?.[1]!.startsWith("|")) return found(part[2]!, named(told.filters, "filter"));
    if (part) return found(part[2]!, named(told.tests, "test"));
    const typed = /[A-Za-z_][\w.]*$/.exec(before)?.[0] ?? "";
    if (/\{%[-+]?\s*\w*$/.test(before)) return found(typed, named(TAGS, "tag"));
    if (!typed && !explicit && !/(\{\{|\bin|\bif)\s*$/.test(before)) return null;
    return found(typed, readable.map((each) => ({ ...variable(each, each.path), apply: mark.startsWith("{{") ? closing : undefined })));
  };
}

/** Of lists, the items by what the loops before here call them. */
function variablesIn(told: Prompt, known: string[], before: string): Variable[] {
  const declared = new Map(told.variables.map((each) => [each.path, each]));
  const plain = [...new Set([...known, ...declared.keys()])].filter((path) => !path.includes("[]"));
  const inLoops = loopsIn(before).flatMap(({ name, over }) => [
    { path: name, words: over ? `an item of ${over}` : "an item", note: "" },
    ...told.variables.filter(({ path }) => path.startsWith(`${over}[].`) && !path.slice(over.length + 2).includes("[]")).map((each) => ({ ...each, path: name + each.path.slice(over.length + 2) })),
    ...told.loop.map((part) => ({ path: `loop.${part}`, words: "of the loop", note: "" })),
  ]);
  return [...plain.map((path) => declared.get(path) ?? { path, words: "", note: "" }), ...inLoops];
}

function variable({ path, words, note }: Variable, label: string): Completion {
  const seen = valuesSeen()[path];
  return { label, detail: words, info: [note, seen && `In the recorded run: ${seen}`].filter(Boolean).join("\n") || undefined, boost: path.startsWith("loop.") ? -10 : 0 };
}
