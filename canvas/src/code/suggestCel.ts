/* Suggestions in an expression: the places that it may read, the values that these may have, and the functions. */

import { type Completion, type CompletionContext, type CompletionResult, type CompletionSource, pickedCompletion } from "@codemirror/autocomplete";
import type { EditorState, StateField } from "@codemirror/state";
import type { EditorView } from "@codemirror/view";
import type { Called, Place, Told } from "./told";
import { isQuoted, type Token } from "./token";

const COMPARED = /([A-Za-z_][\w.]*)\s*(?:[=!]=\s*|\s+in\s+\[(?:[^\]\n]*,)?\s*)((['"])[^'"\n]*|\w*)$/;
const BOOLEANS = ["true", "false"];
const QUOTED = /^['"][^'"\n]*$/;
const BEGINS = /(?:^|[-+*\/%&|=!<>?:([{,]|\bin)\s*$/;

/** One source for all of them, so that Enter never meets a list that is still made. */
export function suggestCel(told: Told, list: string, tokens: StateField<Token[]>): CompletionSource {
  const places = told.places[list] ?? [];
  const readable = [...places.map(read), ...told.functions.map((each) => called(each))];

  return ({ state, pos, explicit }: CompletionContext): CompletionResult | null => {
    const before = state.doc.sliceString(0, pos);
    const quoted = isQuoted(state.field(tokens), pos);
    const compared = COMPARED.exec(before);
    const values = compared ? valuesOf(places, compared[1]!, compared[3]) : [];
    if (quoted) return values.length ? { from: pos - compared![2]!.length, to: behind(state, pos, compared![3]!), options: values, validFor: QUOTED } : null;

    const typed = /[A-Za-z_][\w.]*$/.exec(before)?.[0] ?? "";
    if (!typed && values.length) return { from: pos, options: explicit ? [...values, ...readable] : values, validFor: /^['"]?\w*$/ };
    const dot = /\.\s*(\w*)$/.exec(before);
    if (!typed && dot) return { from: pos - dot[1]!.length, options: methodsOf(told, typesOf(before.slice(0, dot.index), places), ""), validFor: /^\w*$/ };
    if (!typed && (!explicit || !BEGINS.test(before))) return null;
    const base = typed.slice(0, typed.lastIndexOf(".") + 1);
    const methods = base ? methodsOf(told, typesOf(base.slice(0, -1), places), base) : [];
    return { from: pos - typed.length, options: [...values, ...readable, ...methods], validFor: (text) => text.split(".").length === base.split(".").length && /^[\w.]*$/.test(text) };
  };
}

function valuesOf(places: Place[], path: string, open?: string): Completion[] {
  const place = places.find((one) => one.path === path);
  if (!place) return [];
  const offered = place.values.length ? place.values.map((value) => quote(value, open)) : place.type === "yes or no" && !open ? BOOLEANS : [];
  return offered.map((label, at) => ({ label, detail: `a value of ${path}`, boost: 50 - at / 100 }));
}

/** Up to behind the quote that closes it. */
const behind = ({ doc }: EditorState, pos: number, open: string): number => pos + (doc.sliceString(pos, pos + 1) === open ? 1 : 0);

function methodsOf(told: Told, types: string[] | null, base: string): Completion[] {
  const fitting = told.methods.filter(({ of }) => types === null || of!.some((one) => types.includes(one)));
  return fitting.map((each) => ({ ...called(each), label: base + each.name, displayLabel: each.name }));
}

/** What stands before a dot may be; null where anything. A place is known by its end too, as it is found by it. */
function typesOf(base: string, places: Place[]): string[] | null {
  if (/['"]$/.test(base)) return ["text"];
  const path = /[A-Za-z_][\w.]*$/.exec(base)?.[0];
  if (!path && /\d$/.test(base)) return []; // the dot of a number
  const type = (places.find((one) => one.path === path) ?? places.find((one) => one.path.endsWith(`.${path}`)))?.type;
  if (!type || type === "anything") return null;
  return type.split(" or ").map((one) => one.replace(/ of .*/, ""));
}

function quote(value: string, sign = "'"): string {
  return sign + value.replaceAll("\\", "\\\\").replaceAll(sign, `\\${sign}`).replaceAll("\n", "\\n") + sign;
}

const read = ({ path, type, words }: Place): Completion => ({ label: path, detail: type, info: words === type ? undefined : words });

const called = (each: Called): Completion => ({ label: each.name, detail: each.signature, apply: call, boost: -20 });

/** With its brackets, and the caret between them where something belongs there. */
function call(view: EditorView, completion: Completion, from: number, to: number): void {
  const opened = view.state.doc.sliceString(to, to + 1) === "(";
  const insert = completion.label + (opened ? "" : "()");
  const back = opened || completion.detail!.startsWith("()") ? 0 : 1;
  view.dispatch({ changes: { from, to, insert }, selection: { anchor: from + insert.length - back }, userEvent: "input.complete", annotations: pickedCompletion.of(completion) });
}
