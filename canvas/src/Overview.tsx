import { ControlButton, Controls, MiniMap, useStore } from "@xyflow/react";
import { useMemo, useState } from "react";
import type { AnyNode } from "./flow";
import { Icon } from "./Icon";

const SMALL = { width: 144, height: 108 };
const KEPT = "interlock:overview"; // whether somebody put it away, in this browser

/** The ways to look at it from nearer and further, and a small picture of it where it does not fit. */
export function Overview({ nodes, full, fit }: { nodes: AnyNode[]; full: () => void; fit: () => void }) {
  const [away, setAway] = useState(() => stored() === "away");
  const { width, height } = useMemo(() => extent(nodes), [nodes]);
  const larger = useStore((store) => width * store.transform[2] > store.width || height * store.transform[2] > store.height);
  const toggle = () => {
    setAway(!away);
    store(away ? "" : "away");
  };
  return (
    <>
      {larger && !away && <MiniMap<AnyNode> position="bottom-right" pannable zoomable ariaLabel="Overview" style={SMALL} nodeClassName={(node) => `cv-mini cv-mini--${node.type === "step" ? node.data.step.type : node.type}`} nodeBorderRadius={8} nodeStrokeWidth={0} />}
      <Controls showInteractive={false} showFitView={false} position="bottom-right">
        <ControlButton onClick={fit} title="Show all of it (F)" aria-label="Show all of it"><Icon name="fit" small /></ControlButton>
        <ControlButton onClick={full} title="Zoom to 100 % (0)" aria-label="Zoom to 100 %" data-key="0"><span className="cv-full">1:1</span></ControlButton>
        <ControlButton onClick={toggle} title={`${away ? "Show" : "Put away"} the overview (M)`} aria-label="Overview" aria-pressed={!away} data-key="m" data-does="Show the overview, or put it away"><Icon name="document" small /></ControlButton>
      </Controls>
    </>
  );
}

function extent(nodes: AnyNode[]) {
  const root = nodes.filter((node) => !node.parentId);
  const [right, bottom] = [Math.max(...root.map((node) => node.position.x + (node.width ?? 0))), Math.max(...root.map((node) => node.position.y + (node.height ?? 0)))];
  return { width: right - Math.min(...root.map((node) => node.position.x)), height: bottom - Math.min(...root.map((node) => node.position.y)) };
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

function store(value: string): void {
  try {
    localStorage.setItem(KEPT, value);
  } catch {
    // it is as it was the next time
  }
}
