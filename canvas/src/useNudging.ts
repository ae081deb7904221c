/* Arrow keys move what is chosen: at once where it is drawn, and on the server once they rest, as one edit. */

import { type Dispatch, type SetStateAction, useCallback, useEffect, useRef } from "react";
import type { AnyNode } from "./flow";
import type { Placed } from "./layout";
import { snapped, type Way } from "./selection";
import type { Command } from "./server";

const REST = 300; // ms
const STRIDE = 16; // px
const SIDES: Record<Way, [number, number]> = { ArrowUp: [0, -STRIDE], ArrowDown: [0, STRIDE], ArrowLeft: [-STRIDE, 0], ArrowRight: [STRIDE, 0] };

interface Moved { ids: string[]; x: number; y: number; timer: number }
interface Nudging { nudge: (ids: string[], way: Way) => void; settle: () => void }

/** `settle` sends what is still to be sent; whatever else changes the draft comes after that. */
export function useNudging(placed: Placed, setNodes: Dispatch<SetStateAction<AnyNode[]>>, send: (commands: Command[]) => unknown): Nudging {
  const moved = useRef<Moved | null>(null);
  const boxes = useRef(placed.boxes);
  boxes.current = placed.boxes;

  const settle = useCallback(() => {
    const now = moved.current;
    if (!now) return;
    clearTimeout(now.timer);
    moved.current = null;
    const at = Object.fromEntries(now.ids.flatMap((id) => {
      const box = boxes.current.get(id);
      return box ? [[id, snapped(box.x + now.x, box.y + now.y)]] : [];
    }));
    if (Object.keys(at).length > 0) void send([{ do: "arrange", at }]);
  }, [send]);

  const nudge = useCallback((ids: string[], way: Way) => {
    if (moved.current && String(moved.current.ids) !== String(ids)) settle();
    const [x, y] = SIDES[way];
    const before = moved.current ?? { x: 0, y: 0, timer: 0 };
    clearTimeout(before.timer);
    moved.current = { ids, x: before.x + x, y: before.y + y, timer: window.setTimeout(settle, REST) };
    const all = new Set(ids);
    setNodes((now) => now.map((node) => (all.has(node.id) ? { ...node, position: { x: node.position.x + x, y: node.position.y + y } } : node)));
  }, [setNodes, settle]);

  useEffect(() => {
    window.addEventListener("pagehide", settle);
    return () => window.removeEventListener("pagehide", settle);
  }, [settle]);
  return { nudge, settle };
}
