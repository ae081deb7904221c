/* A placed graph as the nodes and edges of the drawing library. Sizes and ports are said, not measured, so that nothing waits for a
 * first paint and what is out of sight need not be drawn. */

import { MarkerType, Position, type Edge, type Node } from "@xyflow/react";
import { APART, CONTAINERS, type Index, type Step, UNWRITTEN, grouped, isFixed, takesSteps, targetOf } from "./graph";
import { type Box, type Extra, type Line, type Placed, type Point, leavesByFoot } from "./layout";

export interface Port { route: string; label: string; x: number; free: boolean; kind: string }
/** `foot`: where errors leave a container, from its left edge. */
export type StepData = { step: Step; ports: Port[]; folded: boolean; inside: number; dim: boolean; foot?: number };
export type ExtraData = { extra: Extra };
export type WayData = { line: Line; way: Point[] | null; ends: [Point, Point]; label: Point | null; taken: boolean; dim: boolean };
export type StepNode = Node<StepData, "step" | "container">;
export type ExtraNode = Node<ExtraData, "extra">;
export type AnyNode = StepNode | ExtraNode;
export type Way = Edge<WayData, "way">;

const PORT = 10;
export const FOOT = "foot";
const FREE = { next: "next", catch: "catch" };

export function flowOf(index: Index, placed: Placed, folded: ReadonlySet<string>, writes: boolean, told = false): { nodes: AnyNode[]; edges: Way[] } {
  const corner = cornersOf(index, placed);
  const ran = index.graph.visited !== undefined;
  const nodes: AnyNode[] = [];
  const portsOf = new Map<string, Port[]>();
  const byFrom = grouped(placed.lines, (line) => line.from);
  const feet = new Map(placed.lines.filter(leavesByFoot).map((line) => [line.to, line.way?.[1]?.x ?? 0]));
  for (const step of index.graph.steps) {
    const box = placed.boxes.get(step.id);
    if (!box || !corner.has(step.id)) continue;
    const ports = portsFor(step, box, byFrom.get(step.id) ?? [], placed, writes);
    portsOf.set(step.id, ports);
    const open = CONTAINERS.has(step.type) && !folded.has(step.id);
    nodes.push({
      ...common(step.id, step.parent, box),
      type: open ? "container" : "step",
      data: { step, ports, folded: folded.has(step.id), inside: (index.inside.get(step.id) ?? []).length, dim: ran && !reached(index, step), foot: open ? feet.get(step.id) : undefined },
      draggable: writes && step.type !== "arm",
      selectable: true, deletable: false,
      ariaLabel: `${spoken(step, folded.has(step.id))}${told ? failing(step) : ""}`,
      handles: [...handlesOf(step, box, ports), ...(open && feet.has(step.id) ? [{ ...bound("target", FOOT, feet.get(step.id) as number, box.height), position: Position.Bottom }] : [])],
      className: `is-${step.type}${open ? " is-open" : ""}`,
    } as StepNode);
  }
  for (const extra of placed.extras) {
    const box = placed.boxes.get(extra.id);
    if (!box || (extra.level !== "" && !corner.has(`${extra.level}/`))) continue;
    nodes.push({
      ...common(extra.id, extra.level, box), type: "extra", data: { extra }, draggable: false, selectable: false, focusable: false, deletable: false,
      handles: [
        ...(extra.kind === "start" || extra.kind === "entry" ? [bound("source", "start", box.width / 2, box.height)] : [bound("target", "in", box.width / 2, 0)]),
        ...(extra.kind === "start" ? [bound("source", "limits.on_breach", 12, box.height)] : []),
      ],
    } as ExtraNode);
  }
  const known = new Set(nodes.map((node) => node.id));
  const edges = placed.lines.filter((line) => known.has(line.from) && known.has(line.to)).map((line) => edgeOf(line, placed, corner, portsOf, index, told));
  return { nodes: nodes.sort((a, b) => depth(index, a) - depth(index, b)), edges };
}

/** Upper left corner of each step's own coordinates within the whole; `id/` is that of what is in it. Folded away: none. */
function cornersOf(index: Index, placed: Placed): Map<string, Point> {
  const found = new Map<string, Point>([["/", { x: 0, y: 0 }]]);
  const walk = (level: string, at: Point) => {
    for (const step of index.inside.get(level) ?? []) {
      const box = placed.boxes.get(step.id);
      if (!box) continue;
      const corner = { x: at.x + box.x, y: at.y + box.y };
      found.set(step.id, corner);
      if ((index.inside.get(step.id) ?? []).some((inner) => placed.boxes.has(inner.id))) {
        found.set(`${step.id}/`, corner);
        walk(step.id, corner);
      }
    }
  };
  walk("", { x: 0, y: 0 });
  return found;
}

function common(id: string, parent: string, box: Box) {
  return {
    id, position: { x: box.x, y: box.y }, width: box.width, height: box.height, measured: { width: box.width, height: box.height },
    ...(parent ? { parentId: parent } : {}),
  };
}

function depth(index: Index, node: AnyNode): number {
  return index.around(node.type === "extra" ? node.data.extra.level : node.id).length + (node.type === "extra" ? 1 : 0);
}

/** What has a place at the foot of a step: its routes where they lead, then, to whoever may draw, those that could be drawn. */
function portsFor(step: Step, box: Box, lines: Line[], placed: Placed, writes: boolean): Port[] {
  const towards = (line: Line) => {
    const to = placed.boxes.get(line.to);
    return line.way?.[0]?.x ?? (to ? to.x + to.width / 2 : 0);
  };
  const middle = box.x + box.width / 2;
  const ordered = [...lines].sort((a, b) => towards(a) - towards(b) || a.id.localeCompare(b.id));
  const isApart = (line: Line) => APART.has(line.kind) || UNWRITTEN.has(line.kind);
  const main = ordered.filter((line) => !isApart(line));
  const apart = ordered.filter(isApart);
  const port = (line: Line, x: number): Port => ({ route: line.route, label: line.label, x, free: line.kind === "round", kind: line.kind });
  const free = (route: string, label: string, x: number): Port => ({ route, label, x, free: true, kind: route });
  const extra = writes ? step.free.filter((each) => !lines.some((line) => line.route === each.route)) : [];
  const more = extra.find((each) => each.route === "cases" || each.route === "actions");
  const spread = main.length + (more ? 1 : 0);
  const gap = Math.min(44, (box.width - 88) / Math.max(spread - 1, 1));
  const at = (position: number) => box.width / 2 + (position - (spread - 1) / 2) * gap;
  const ports = main.map((line, position) => port(line, at(position)));
  if (more) ports.push(free(more.route, more.label, at(spread - 1)));
  if (extra.some((each) => each.route === FREE.next) && main.every((line) => line.route !== "next")) ports.push(free("next", "then", main.length === 0 ? box.width / 2 : at(spread)));
  const [left, right] = [apart.filter((line) => towards(line) < middle), apart.filter((line) => towards(line) >= middle)];
  ports.push(...left.map((line, position) => port(line, 14 + 14 * position)));
  ports.push(...right.reverse().map((line, position) => port(line, box.width - 14 - 14 * position)));
  const rest = extra.filter((each) => each !== more && each.route !== FREE.next);
  ports.push(...rest.map((each, position) => free(each.route, each.label, 14 + 14 * (left.length + position))));
  return ports;
}

function bound(type: "source" | "target", id: string, x: number, y: number) {
  return {
    id, type, x: x - PORT / 2, y: y - PORT / 2, width: PORT, height: PORT,
    position: type === "source" ? Position.Bottom : Position.Top,
  };
}

function handlesOf(step: Step, box: Box, ports: Port[]) {
  const out = ports.map((port) => bound("source", port.route, port.x, box.height));
  return step.type === "arm" ? out : [bound("target", "in", box.width / 2, 0), ...out];
}

function edgeOf(line: Line, placed: Placed, corner: Map<string, Point>, ports: Map<string, Port[]>, index: Index, told: boolean): Way {
  const base = corner.get(`${line.level}/`) ?? { x: 0, y: 0 };
  const [from, to] = [placed.boxes.get(line.from) as Box, placed.boxes.get(line.to) as Box];
  const byFoot = leavesByFoot(line);
  const end = byFoot ? { x: line.way?.[1]?.x ?? 0, y: to.height } : { x: to.x + to.width / 2, y: to.y };
  const port = ports.get(line.from)?.find((each) => each.route === line.route);
  const x = port?.x ?? (line.route === "limits.on_breach" ? 12 : from.width / 2);
  const way = line.way && line.way.map((point) => ({ x: point.x + base.x, y: point.y + base.y }));
  const label = line.at && { x: line.at.x + base.x, y: line.at.y + base.y };
  const visited = index.graph.visited;
  const named = (node: string) => index.steps.get(node)?.title ?? placed.extras.find((extra) => extra.id === node)?.word ?? "";
  const taken = visited?.some(([from, to, route]) => from === line.step && to === targetOf(line.to) && (route === "" || route === line.route)) ?? false;
  return {
    id: line.id, source: line.from, target: line.to, sourceHandle: line.route, targetHandle: byFoot ? FOOT : "in", type: "way",
    className: `is-${line.kind}${APART.has(line.kind) || UNWRITTEN.has(line.kind) ? " is-apart" : ""}${taken ? " is-taken" : ""}${visited && !taken ? " is-dim" : ""}`,
    selectable: takesSteps(line.kind), focusable: told && (UNWRITTEN.has(line.kind) || APART.has(line.kind)), deletable: false, reconnectable: isFixed(line.kind) ? false : "target",
    zIndex: (line.level === "" ? 0 : 1) + (taken ? 1 : 0),
    markerEnd: { type: MarkerType.ArrowClosed, color: "context-stroke", ...(taken ? { width: 10, height: 10 } : { width: 16, height: 16 }) },
    ariaLabel: `${named(line.from)} to ${named(line.to)}${line.label ? `, ${line.label}` : UNWRITTEN.has(line.kind) ? ", what nothing catches" : ""}`,
    data: {
      line, way, label, taken, dim: !!visited && !taken,
      ends: [{ x: base.x + from.x + x, y: base.y + from.y + from.height }, { x: base.x + end.x, y: base.y + end.y }],
    },
  };
}

function spoken(step: Step, folded: boolean): string {
  const wrong = step.problems.length > 0 ? `, ${step.problems.length === 1 ? "1 problem" : `${step.problems.length} problems`}` : "";
  const ran = step.ran ? `, ${step.ran.word}${step.ran.said ? `: ${step.ran.said}` : ""}${step.ran.visits > 1 ? `, ${step.ran.visits} times` : ""}` : step.ran === null ? ", not reached" : "";
  return `${step.title}, ${step.word}${folded ? ", folded" : ""}${wrong}${ran}`;
}

/** Of an arm nothing is said but by what is in it. */
const reached = (index: Index, step: Step): boolean => !!step.ran || (step.type === "arm" && (index.inside.get(step.id) ?? []).some((inner) => inner.ran));

const failing = (step: Step) => step.errors.map((way) => `. ${way.words}: ${way.ends}`).join("");
