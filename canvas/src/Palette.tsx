import { useEffect, useLayoutEffect, useRef } from "react";
import { Icon } from "./Icon";

const DRAGGED = "application/x-interlock-step-"; // with the type behind it: while something is dragged, nothing else of it can be read

/** The type of step that is being dragged, "" where it is something else. */
export const draggedType = ({ types }: DataTransfer): string => types.find((type) => type.startsWith(DRAGGED))?.slice(DRAGGED.length) ?? "";

const TYPES: [type: string, word: string, what: string][] = [
  ["llm", "Model", "Asks a model"], ["tool", "Tool", "Calls a tool"], ["branch", "Branch", "Chooses by rules"], ["set", "Values", "Computes values"],
  ["human", "Person", "Asks a person"], ["wait", "Wait", "Waits for a time or an event"], ["loop", "Loop", "Repeats what is in it"],
  ["map", "Map", "Runs what is in it for each item of a list"], ["parallel", "Parallel", "Runs its arms at once"], ["workflow", "Workflow", "Calls another workflow"],
  ["end", "End", "Ends the run"],
];

export interface Point { x: number; y: number }
interface Props { where: string; arm: boolean; open: boolean; focus: number; at?: Point; add: (type: string) => void; close: () => void; leave: () => void }

const EDGE = 8; // px

/** Every type of step: to be dragged onto the canvas, or pressed. `where` says in words where a pressed one goes; `at`: it floats
    there, as a place on the screen, as far as what it is drawn over has room. */
export function Palette({ where, arm, open, focus, at, add, close, leave }: Props) {
  const list = useRef<HTMLUListElement>(null);
  const floating = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const [section, around] = [floating.current, floating.current?.offsetParent];
    if (!at || !section || !around) return;
    const { left, top } = around.getBoundingClientRect();
    const within = (wanted: number, size: number, room: number) => `${Math.max(EDGE, Math.min(wanted + EDGE, room - size - EDGE))}px`;
    section.style.left = within(at.x - left, section.offsetWidth, around.clientWidth);
    section.style.top = within(at.y - top, section.offsetHeight, around.clientHeight);
    const beside = ({ target }: Event) => !(target instanceof Element && target.closest(".cv-palette")) && close();
    const heard = { capture: true, passive: true };
    for (const kind of ["pointerdown", "wheel"]) document.addEventListener(kind, beside, heard);
    return () => { for (const kind of ["pointerdown", "wheel"]) document.removeEventListener(kind, beside, heard); };
  });
  useEffect(() => {
    if (focus) list.current?.querySelector("button")?.focus();
  }, [focus]);
  const move = (event: React.KeyboardEvent) => {
    const buttons = [...(list.current?.querySelectorAll("button") ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") leave();
    else if (step && at >= 0) buttons[(at + step + buttons.length) % buttons.length]?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const shown = arm ? [["arm", "Arm", "One more arm of it"] as const, ...TYPES] : TYPES;
  return (
    <section ref={floating} className={`cv-palette${at ? " cv-palette--floating" : ""}`} aria-label={at ? "Step to add here" : "Steps to add"} data-open={open ? "" : undefined} onKeyDown={move}>
      <p className="cv-palette__where" aria-live="polite">{where}</p>
      <ul ref={list}>
        {shown.map(([type, word, what]) => (
          <li key={type}>
            <button
              type="button" title={what} draggable onClick={() => add(type)} onDragEnd={close}
              onDragStart={(event) => { event.dataTransfer.setData(`${DRAGGED}${type}`, type); event.dataTransfer.effectAllowed = "copy"; }}
            >
              <Icon name={type} />{word}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
