/* What a finger does on a step. It pans there too, unless the step is chosen or was held for a while: then it moves the step. A tap
 * chooses however long it took; the browser makes a click of a short one alone. */

import { type RefObject, useEffect } from "react";

const HOLD = 450; // ms
const LATE = 50; // ms
const TREMBLE = 10; // px
const HELD = "data-held";
const KINDS = ["touchmove", "touchend", "touchcancel"] as const;

interface Touched { node: HTMLElement; id: number; x: number; y: number; timer: number }

export function useFinger(pane: RefObject<HTMLElement | null>, choose: (id: string) => void): void {
  useEffect(() => {
    const drawing = pane.current?.querySelector<HTMLElement>(".cv-pane");
    if (!drawing) return;
    let still: Touched | null = null; // until the finger goes elsewhere, or is lifted
    const gone = () => {
      clearTimeout(still?.timer);
      still = null;
    };
    const waitFor = (began: TouchEvent, node: HTMLElement, time: number): number => window.setTimeout(hold, time, began, node, performance.now() + time);
    const hold = (began: TouchEvent, node: HTMLElement, due: number) => {
      if (!still || !node.isConnected) return;
      if (performance.now() - due > LATE) { // what the finger did meanwhile may not have been heard yet
        still.timer = waitFor(began, node, LATE);
        return;
      }
      node.setAttribute(HELD, "");
      again("touchcancel", began, under(drawing));
      again("touchstart", began, node);
    };
    const down = (event: TouchEvent) => {
      if (!event.isTrusted || !(event.target instanceof Element)) return;
      gone();
      const node = event.target.closest(".nodrag") ? null : event.target.closest<HTMLElement>(".react-flow__node.selectable");
      const [touch] = event.changedTouches;
      if (!node || !touch || drawing.querySelector(`[${HELD}], .react-flow__node.dragging`)) return;
      const pinches = event.touches.length > 1;
      const pans = pinches || node.matches(".draggable:not(.selected)");
      if (pans) pan(event, under(drawing));
      if (!pinches) still = { node, id: touch.identifier, x: touch.clientX, y: touch.clientY, timer: pans ? waitFor(event, node, HOLD) : 0 };
    };
    const move = ({ changedTouches }: TouchEvent) => {
      const touch = [...changedTouches].find((each) => each.identifier === still?.id);
      if (still && touch && Math.hypot(touch.clientX - still.x, touch.clientY - still.y) > TREMBLE) gone();
    };
    const up = (event: TouchEvent) => {
      if (!event.isTrusted) return;
      move(event);
      drawing.querySelector(`[${HELD}]`)?.removeAttribute(HELD);
      const id = event.type === "touchend" && still?.node.dataset.id;
      gone();
      if (id) choose(id);
    };
    const menu = (event: Event) => still && event.preventDefault(); // it would take the finger away
    const heard = { capture: true, passive: true };
    const hear = { touchstart: down, touchmove: move, touchend: up, touchcancel: up };
    for (const [kind, act] of Object.entries(hear)) drawing.addEventListener(kind, act as EventListener, heard);
    drawing.addEventListener("contextmenu", menu);
    return () => {
      gone();
      for (const [kind, act] of Object.entries(hear)) drawing.removeEventListener(kind, act as EventListener, heard);
      drawing.removeEventListener("contextmenu", menu);
    };
  }, [choose, pane]);
}

const under = (drawing: HTMLElement) => drawing.querySelector<HTMLElement>(".react-flow__pane");

/** Begins on what is under the step instead. What the finger does is told to where it began, and by that to all around it; to nobody
    once that is not drawn any more. */
function pan(began: TouchEvent, ground: HTMLElement | null): void {
  const { target } = began;
  began.stopPropagation();
  again("touchstart", began, ground);
  const goOn = (event: Event) => {
    if (target instanceof Element && !target.isConnected) again(event.type, event as TouchEvent, ground);
    if (event.type !== "touchmove") for (const kind of KINDS) target?.removeEventListener(kind, goOn);
  };
  for (const kind of KINDS) target?.addEventListener(kind, goOn);
}

function again(kind: string, { touches, targetTouches, changedTouches }: TouchEvent, at: HTMLElement | null): void {
  const [all, ours, changed] = [touches, targetTouches, changedTouches].map((list) => [...list]);
  at?.dispatchEvent(new window.TouchEvent(kind, { bubbles: true, cancelable: true, touches: all, targetTouches: ours, changedTouches: changed }));
}
