import { useReactFlow } from "@xyflow/react";
import { type RefObject, useCallback, useEffect, useState } from "react";
import type { AnyNode, Way } from "./flow";
import type { Ran } from "./graph";
import { STEP } from "./layout";

const READABLE = 0.75;
const SEEN = 0.45; // from there on one sees at a glance where a run has been
const EDGE = 24;

interface View { started: boolean; bring: (id: string) => void; begin: () => void; full: () => void }

/** Where the reader begins: all of it where that can be read, else its beginning, and of a run where it needs looking at; and bringing
 * one step into sight. */
export function useViewport(nodes: AnyNode[], pane: RefObject<HTMLDivElement | null>, runs: boolean): View {
  const [done, setDone] = useState(false);
  const { setViewport, getNodes, getNodesBounds, getInternalNode, getViewport, setCenter, zoomTo } = useReactFlow<AnyNode, Way>();
  const begin = useCallback(() => {
    const flow = pane.current?.querySelector<HTMLElement>(".react-flow");
    const { clientWidth: width, clientHeight: height } = flow ?? { clientWidth: 0, clientHeight: 0 };
    if (width === 0) return;
    const drawn = getNodes();
    const all = getNodesBounds(drawn.filter((node) => !node.parentId));
    const fit = (area: { width: number; height: number }) => Math.min((width - 2 * EDGE) / area.width, (height - 2 * EDGE) / area.height);
    const fits = fit(all);
    const zoom = Math.min(Math.max(fits, Math.min(runs ? SEEN : READABLE, Math.max((width - 2 * EDGE) / 420, 0.3))), 1);
    setDone(true);
    const part = fits < zoom ? telling(drawn).map((some) => getNodesBounds(some)).find((area) => fit(area) >= SEEN) : undefined;
    if (part) return void setCenter(part.x + part.width / 2, part.y + part.height / 2, { zoom: Math.min(fit(part), READABLE) });
    const first = drawn.find((node) => node.id === ":start") ?? drawn[0];
    const middle = fits >= zoom ? all.x + all.width / 2 : (first?.position.x ?? 0) + (first?.width ?? 0) / 2;
    const wide = all.width * zoom <= width;
    void setViewport({ x: wide ? (width - all.width * zoom) / 2 - all.x * zoom : width / 2 - middle * zoom, y: fits >= zoom ? (height - all.height * zoom) / 2 - all.y * zoom : EDGE - all.y * zoom, zoom });
  }, [getNodes, getNodesBounds, pane, runs, setCenter, setViewport]);
  useEffect(() => {
    const flow = pane.current?.querySelector<HTMLElement>(".react-flow");
    if (done || !flow || nodes.length === 0) return;
    const seen = new ResizeObserver(begin); // a canvas in a fold has no size yet
    seen.observe(flow);
    begin();
    return () => seen.disconnect();
  }, [begin, done, nodes, pane]);
  const full = useCallback(() => void zoomTo(1), [zoomTo]);

  const bring = useCallback((id: string) => {
    const node = getInternalNode(id);
    const flow = pane.current?.querySelector(".react-flow");
    if (!node || !flow) return;
    const { x, y, zoom } = getViewport();
    const at = node.internals.positionAbsolute;
    const size = { width: node.width ?? STEP.width, height: Math.min(node.height ?? STEP.height, 240) };
    const [left, top] = [at.x * zoom + x, at.y * zoom + y];
    const inSight = left >= 0 && top >= 0 && left + size.width * zoom <= flow.clientWidth && top + size.height * zoom <= flow.clientHeight;
    if (!inSight || zoom < 0.3) void setCenter(at.x + size.width / 2, at.y + size.height / 2, { zoom: Math.max(zoom, READABLE) });
  }, [getInternalNode, getViewport, pane, setCenter]);
  return { started: done, bring, begin, full };
}

/** What needs looking at of a run, the first of which there is room for is shown: where it stands and has failed, one of that, one step. */
function telling(nodes: AnyNode[]): AnyNode[][] {
  const came = (of: (ran: Ran) => boolean) => nodes.filter((node) => node.type === "step" && node.data.step.ran && of(node.data.step.ran));
  const [stands, failed] = [came((ran) => ran.select === "open" && ran.tone !== "good"), came((ran) => ran.tone === "bad")];
  return [[...stands, ...failed], failed, stands, failed.slice(0, 1), stands.slice(0, 1)].filter((some) => some.length > 0);
}
