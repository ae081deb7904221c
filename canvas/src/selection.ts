/* What commands come of a selection, and where the arrow keys lead from one. */

import { Index, type Step } from "./graph";
import type { AnyNode } from "./flow";
import type { Placed } from "./layout";
import type { Command } from "./server";

const GRID = 4;
export const snapped = (x: number, y: number): [number, number] => [Math.round(x / GRID) * GRID, Math.round(y / GRID) * GRID];

/** Those of the ids that no other of them contains: what happens to a container happens to what is in it. */
export function outermost(index: Index, ids: string[]): string[] {
  return ids.filter((id) => index.steps.has(id) && !ids.some((other) => other !== id && index.isWithin(id, other)));
}

export type Alignment = "left" | "middle" | "top" | "spread";

/** Places for the steps of the selection that stand on one level, lined up. */
export function aligned(index: Index, placed: Placed, ids: string[], how: Alignment): Command[] {
  const chosen = ids.map((id) => index.steps.get(id)).filter((step): step is Step => step !== undefined);
  const level = chosen[0]?.parent;
  const boxes = chosen.filter((step) => step.parent === level).map((step) => ({ id: step.id, ...(placed.boxes.get(step.id) ?? { x: 0, y: 0, width: 0, height: 0 }) }));
  if (boxes.length < 2) return [];
  const at: Record<string, [number, number]> = {};
  const left = Math.min(...boxes.map((box) => box.x));
  const top = Math.min(...boxes.map((box) => box.y));
  const middle = boxes.reduce((sum, box) => sum + box.x + box.width / 2, 0) / boxes.length;
  const sorted = [...boxes].sort((a, b) => a.y - b.y);
  const room = sorted.reduce((sum, box) => sum + box.height, 0);
  const last = sorted[sorted.length - 1] as (typeof boxes)[0];
  const gap = Math.max((last.y + last.height - top - room) / (boxes.length - 1), 24);
  let y = top;
  for (const box of sorted) {
    if (how === "left") at[box.id] = snapped(left, box.y);
    if (how === "middle") at[box.id] = snapped(middle - box.width / 2, box.y);
    if (how === "top") at[box.id] = snapped(box.x, top);
    if (how === "spread") at[box.id] = snapped(box.x, y);
    y += box.height + gap;
  }
  return [{ do: "arrange", at }];
}

/** The innermost open container at a place of the whole, besides those that are being dragged; "" is the root. */
export function containerAt(nodes: AnyNode[], corner: (id: string) => { x: number; y: number }, x: number, y: number, dragged: (id: string) => boolean): string {
  let found = "";
  for (const node of nodes) {
    if (node.type !== "container" || dragged(node.id)) continue;
    const at = corner(node.id);
    if (x >= at.x && y >= at.y && x <= at.x + (node.width ?? 0) && y <= at.y + (node.height ?? 0)) found = node.id;
  }
  return found;
}

export type Way = "ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight";

/** Down and up along the routes; beside, and where no route leads on, to what is nearest in that direction. */
export function neighbour(index: Index, nodes: AnyNode[], corner: (id: string) => { x: number; y: number }, from: string, way: Way): string | null {
  const shown = nodes.filter((node) => node.type !== "extra" && node.id !== from);
  const here = centre(nodes.find((node) => node.id === from), corner);
  if (!here) return null;
  const known = new Set(shown.map((node) => node.id));
  const led = way === "ArrowDown" ? index.targets(from) : way === "ArrowUp" ? index.graph.steps.filter((step) => step.routes.some((route) => route.to === from)).map((step) => step.id) : [];
  const along = led.find((id) => known.has(id));
  if (along) return along;
  const [dx, dy] = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[way] as [number, number];
  let [best, least] = [null as string | null, Infinity];
  for (const node of shown) {
    const there = centre(node, corner);
    if (!there) continue;
    const [x, y] = [there.x - here.x, there.y - here.y];
    const ahead = x * dx + y * dy;
    if (ahead < 4) continue;
    const far = ahead + 3 * Math.abs(x * dy - y * dx);
    if (far < least) [best, least] = [node.id, far];
  }
  return best;
}

function centre(node: AnyNode | undefined, corner: (id: string) => { x: number; y: number }) {
  if (!node) return null;
  const at = corner(node.id);
  return { x: at.x + (node.width ?? 0) / 2, y: at.y + (node.type === "container" ? 20 : (node.height ?? 0) / 2) };
}

const WISHES: Record<string, string> = { llm: "ask_model", tool: "use_tool", set: "note", loop: "repeat", map: "each", human: "ask", end: "done" };

/** An id that is free, for a step whose place is said in the same breath. */
export function freeId(index: Index, type: string): string {
  const wish = WISHES[type] ?? type;
  const taken = (id: string) => index.steps.has(id) || index.graph.outcomes.some((outcome) => outcome.id === id);
  if (!taken(wish)) return wish;
  for (let number = 2; ; number += 1) if (!taken(`${wish}_${number}`)) return `${wish}_${number}`;
}
