/* Dropping: steps that are dragged about, into containers and out of them, and types from the palette. */

import { type OnNodeDrag, useReactFlow } from "@xyflow/react";
import { type DragEvent, useCallback, useState } from "react";
import type { AnyNode, Way } from "./flow";
import { type Index, takesSteps } from "./graph";
import { STEP } from "./layout";
import { DRAGGED } from "./Palette";
import { containerAt, freeId, outermost, snapped } from "./selection";
import type { Command } from "./server";

export interface Drop {
  onNodeDrag: OnNodeDrag<AnyNode>; onNodeDragStop: OnNodeDrag<AnyNode>;
  onDragOver: (event: DragEvent) => void; onDragLeave: () => void; onDrop: (event: DragEvent) => void;
}

export interface NewStep { type: string; tool?: string }

interface Given {
  index: Index; nodes: AnyNode[]; writes: boolean;
  corner: (id: string) => { x: number; y: number };
  perform: (commands: Command[]) => Promise<string[] | null>;
  choosing: (type: string, begin: (step: NewStep) => void) => void;
}

export function useDropping({ index, nodes, corner, writes, perform, choosing }: Given): { into: string | null; handlers: Drop } {
  const [into, setInto] = useState<string | null>(null);
  const { screenToFlowPosition, getEdge } = useReactFlow<AnyNode, Way>();

  const under = (event: { clientX: number; clientY: number }, dragged: string[]) => {
    const { x, y } = screenToFlowPosition({ x: event.clientX, y: event.clientY });
    return containerAt(nodes, corner, x, y, (id) => dragged.some((each) => index.isWithin(id, each)));
  };
  const edgeUnder = (event: { clientX: number; clientY: number }): Way | undefined => {
    const hit = document.elementsFromPoint(event.clientX, event.clientY).find((found) => found.closest(".react-flow__edge"));
    return getEdge(hit?.closest(".react-flow__edge")?.getAttribute("data-id") ?? "");
  };

  const onNodeDrag: OnNodeDrag<AnyNode> = useCallback((event, node, dragged) => {
    if (!("clientX" in event)) return;
    const container = under(event, dragged.map((each) => each.id));
    setInto(container !== (index.steps.get(node.id)?.parent ?? "") && container ? container : null);
  }, [index, nodes]);

  const onNodeDragStop: OnNodeDrag<AnyNode> = useCallback((event, node, dragged) => {
    setInto(null);
    const moved = outermost(index, dragged.map((each) => each.id));
    if (!writes || moved.length === 0) return;
    const container = "clientX" in event ? under(event, moved) : index.steps.get(node.id)?.parent ?? "";
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
    if (!writes || !event.dataTransfer.types.includes(DRAGGED)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    setInto(under(event, []) || null);
  };

  const onDrop = (event: DragEvent) => {
    const type = event.dataTransfer.getData(DRAGGED);
    setInto(null);
    if (!writes || !type) return;
    event.preventDefault();
    const edge = edgeUnder(event)?.data?.line;
    const container = under(event, []);
    const id = freeId(index, type);
    if (edge && takesSteps(edge.kind)) return choosing(type, (step) => void perform([{ do: "add", step: { ...step, id }, into: edge.level, from: { step: edge.step, route: edge.route } }]));
    const { x, y } = screenToFlowPosition({ x: event.clientX, y: event.clientY });
    const base = container ? corner(container) : { x: 0, y: 0 };
    const at = { [id]: snapped(x - base.x - STEP.width / 2, y - base.y - STEP.height / 2) };
    choosing(type, (step) => void perform([{ do: "add", step: { ...step, id }, into: container }, ...(type === "arm" ? [] : [{ do: "arrange", at }])]));
  };

  return { into, handlers: { onNodeDrag, onNodeDragStop, onDragOver, onDragLeave: () => setInto(null), onDrop } };
}

function same(index: Index, id: string, at: [number, number]): boolean {
  const before = index.steps.get(id)?.at;
  return !!before && before[0] === at[0] && before[1] === at[1];
}
