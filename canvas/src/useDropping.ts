/* Dropping: steps that are dragged about, into containers and out of them, and types from the palette. */

import { type OnNodeDrag, useReactFlow } from "@xyflow/react";
import { type DragEvent, useCallback, useState } from "react";
import type { AnyNode, Way } from "./flow";
import { type Index, takesSteps } from "./graph";
import { type Line, STEP } from "./layout";
import { draggedType } from "./Palette";
import { containerAt, freeId, outermost, snapped } from "./selection";
import type { Command } from "./server";

export interface Drop {
  onNodeDrag: OnNodeDrag<AnyNode>; onNodeDragStop: OnNodeDrag<AnyNode>;
  onDragOver: (event: DragEvent) => void; onDragLeave: (event: DragEvent) => void; onDrop: (event: DragEvent) => void;
}

/** Where what is dragged would land: the line that it would be put into, the container. */
export interface Landing { line: string; into: string }
const NOWHERE: Landing = { line: "", into: "" };

export interface NewStep { type: string; tool?: string }

interface Given {
  index: Index; nodes: AnyNode[]; writes: boolean;
  corner: (id: string) => { x: number; y: number };
  perform: (commands: Command[]) => Promise<string[] | null>;
  choosing: (type: string, begin: (step: NewStep) => void) => void;
}

export function useDropping({ index, nodes, corner, writes, perform, choosing }: Given): Landing & { handlers: Drop } {
  const [{ line, into }, setLanding] = useState(NOWHERE);
  const { screenToFlowPosition, getEdge } = useReactFlow<AnyNode, Way>();

  const under = (event: { clientX: number; clientY: number }, without: (id: string) => boolean) => {
    const { x, y } = screenToFlowPosition({ x: event.clientX, y: event.clientY });
    return containerAt(nodes, corner, x, y, without);
  };
  const among = (dragged: string[]) => (id: string) => dragged.some((each) => index.isWithin(id, each));
  /** The container that a step of this type would be put into, and whether it takes that. */
  const containerUnder = (event: DragEvent, type: string): [container: string, takes: boolean] => {
    const holds = (id: string) => index.steps.get(id)?.type === "parallel";
    const container = under(event, (id) => type === "arm" && !holds(id));
    return [container, holds(container) === (type === "arm")];
  };
  /** The line that a step of this type would be put into. */
  const lineUnder = (event: DragEvent, type: string): Line | undefined => {
    const hit = document.elementsFromPoint(event.clientX, event.clientY).find((found) => found.closest(".react-flow__edge"));
    const line = getEdge(hit?.closest(".react-flow__edge")?.getAttribute("data-id") ?? "")?.data?.line;
    return line && type !== "arm" && takesSteps(line.kind) ? line : undefined;
  };
  const light = (now: Landing) => setLanding((before) => (before.line === now.line && before.into === now.into ? before : now));

  const onNodeDrag: OnNodeDrag<AnyNode> = useCallback((event, node, dragged) => {
    if (!("clientX" in event)) return;
    const container = under(event, among(dragged.map((each) => each.id)));
    light({ line: "", into: container !== (index.steps.get(node.id)?.parent ?? "") ? container : "" });
  }, [index, nodes]);

  const onNodeDragStop: OnNodeDrag<AnyNode> = useCallback((event, node, dragged) => {
    light(NOWHERE);
    const moved = outermost(index, dragged.map((each) => each.id));
    if (!writes || moved.length === 0) return;
    const container = "clientX" in event ? under(event, among(moved)) : index.steps.get(node.id)?.parent ?? "";
    const leaving = moved.filter((id) => index.steps.get(id)?.parent !== container);
    const base = container ? corner(container) : { x: 0, y: 0 };
    const at = Object.fromEntries(moved.map((id) => {
      const place = corner(id);
      return [id, snapped(place.x - base.x, place.y - base.y)];
    }));
    const unmoved = moved.every((id) => !leaving.includes(id) && same(index, id, at[id] as [number, number]));
    if (unmoved) return;
    void perform([...(leaving.length > 0 ? [{ do: "move", steps: leaving, into: container }] : []), { do: "arrange", at }]);
  }, [corner, index, nodes, perform, writes]);

  const onDragOver = (event: DragEvent) => {
    const type = draggedType(event.dataTransfer);
    if (!writes || !type) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    const line = lineUnder(event, type)?.id ?? "";
    const [container, takes] = containerUnder(event, type);
    light({ line, into: line || !takes ? "" : container });
  };

  const onDragLeave = ({ currentTarget, relatedTarget }: DragEvent) => {
    if (!(relatedTarget instanceof Node && currentTarget.contains(relatedTarget))) light(NOWHERE);
  };

  const onDrop = (event: DragEvent) => {
    const type = draggedType(event.dataTransfer);
    light(NOWHERE);
    if (!writes || !type) return;
    event.preventDefault();
    const line = lineUnder(event, type);
    const [container] = containerUnder(event, type);
    const id = freeId(index, type);
    if (line) return choosing(type, (step) => void perform([{ do: "add", step: { ...step, id }, into: line.level, from: { step: line.step, route: line.route } }]));
    const { x, y } = screenToFlowPosition({ x: event.clientX, y: event.clientY });
    const base = container ? corner(container) : { x: 0, y: 0 };
    const at = { [id]: snapped(x - base.x - STEP.width / 2, y - base.y - STEP.height / 2) };
    choosing(type, (step) => void perform([{ do: "add", step: { ...step, id }, into: container }, ...(type === "arm" ? [] : [{ do: "arrange", at }])]));
  };

  return { line, into, handlers: { onNodeDrag, onNodeDragStop, onDragOver, onDragLeave, onDrop } };
}

function same(index: Index, id: string, at: [number, number]): boolean {
  const before = index.steps.get(id)?.at;
  return !!before && before[0] === at[0] && before[1] === at[1];
}
