import { useEffect, useRef } from "react";
import type { Way } from "./selection";

interface Keys {
  undo: () => void; redo: () => void; copy: () => void; paste: (text: string) => void; all: () => void; remove: () => void;
  title: () => void; open: () => void; go: (way: Way) => void; nudge: (way: Way) => void; fold: () => void; leave: () => void;
}

/** The keys that are no single letters. They act while nothing is typed, and nothing outside has the focus; what is pasted is heard
    wherever it is not typed. */
export function useKeys(element: HTMLElement, keys: Keys): void {
  const now = useRef(keys);
  now.current = keys;
  useEffect(() => {
    const types = (target: EventTarget | null) => !!document.querySelector("dialog[open]") || (target instanceof Element && !!target.closest("input, textarea, select, [contenteditable]"));
    const ours = (target: EventTarget | null) => {
      const at = target instanceof Element ? target : null;
      return !at || at === document.body || at.closest("workflow-canvas") === element || ["content", "design-verdict"].includes(at.id);
    };
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || types(event.target) || !ours(event.target)) return;
      const inside = event.target instanceof Element && element.contains(event.target);
      const act = find(event, now.current, inside);
      if (!act) return;
      event.preventDefault();
      act();
    };
    const paste = (event: ClipboardEvent) => {
      if (!types(event.target)) now.current.paste(event.clipboardData?.getData("text/plain") ?? "");
    };
    document.addEventListener("keydown", press);
    document.addEventListener("paste", paste);
    return () => {
      document.removeEventListener("keydown", press);
      document.removeEventListener("paste", paste);
    };
  }, [element]);
}

function find(event: KeyboardEvent, keys: Keys, inside: boolean): (() => void) | null {
  const control = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (control && key === "z") return event.shiftKey ? keys.redo : keys.undo;
  if (control && key === "y") return keys.redo;
  if (control && key === "c") return document.getSelection()?.isCollapsed === false ? null : keys.copy;
  if (control && key === "a" && inside) return keys.all;
  if (control) return null;
  if (key === "Delete" || key === "Backspace") return keys.remove;
  if (key === "F2") return keys.title;
  if (key === "Escape") return keys.leave;
  if (!inside || (event.target as Element).closest("button, summary")) return null;
  if (key === "Enter") return keys.open;
  if (key === "o") return keys.fold;
  if (key.startsWith("Arrow")) return () => (event.altKey ? keys.nudge(key as Way) : keys.go(key as Way));
  return null;
}
