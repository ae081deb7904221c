/* Pieces of a level, laid out by dagre. Nearly all of the time that drawing takes goes here, so each shape is laid out once: an edit
 * costs what it changes, and pieces that are alike cost one. */

import { Graph as Dagre, layout as arrange } from "@dagrejs/dagre";
import type { Box, Point, Size } from "./layout";

/** From one row of steps to the next. */
export const BETWEEN = 54;

/** All of a piece that decides how it is drawn; its steps and lines are named by their places in it. */
export interface Shape { first: boolean; last: boolean; sizes: Size[]; lines: { from: number; to: number; weight: number; label: Size }[] }
export interface Way { points: Point[]; at: Point | null }
/** From the corner of the first step on. */
export interface Drawn { boxes: Box[]; ways: Way[] }

const shapes = new Map<string, Drawn>();
const MOST_SHAPES = 1000;

export function drawn(shape: Shape): Drawn {
  const key = JSON.stringify(shape);
  const known = shapes.get(key);
  if (known) return known;
  const made = byDagre(shape);
  shapes.set(key, made);
  if (shapes.size > MOST_SHAPES) shapes.delete(shapes.keys().next().value as string);
  return made;
}

function byDagre({ first, last, sizes, lines }: Shape): Drawn {
  const graph = new Dagre({ multigraph: true });
  graph.setGraph({ rankdir: "TB", nodesep: 36, ranksep: BETWEEN, edgesep: 16, marginx: 0, marginy: 0 });
  sizes.forEach((size, at) => graph.setNode(String(at), { ...size }));
  lines.forEach(({ from, to, weight, label }, at) => graph.setEdge(String(from), String(to), { weight, minlen: 1, ...label, labelpos: "c" }, String(at)));
  const [led, leading] = [new Set(lines.map((line) => line.to)), new Set(lines.map((line) => line.from))];
  const tail = sizes.length - 1;
  sizes.forEach((_, at) => {
    if (!first && at !== 0 && !led.has(at)) graph.setEdge("0", String(at), { weight: 0, minlen: 1, width: 0, height: 0 }, ":head");
    if (!last && at !== tail && !leading.has(at)) graph.setEdge(String(at), String(tail), { weight: 0, minlen: 1, width: 0, height: 0 }, ":tail");
  });
  arrange(graph);
  const box = (at: number): Box => {
    const { x, y, width, height } = graph.node(String(at)) as Box;
    return { x: Math.round(x - width / 2), y: Math.round(y - height / 2), width, height };
  };
  const corner = box(0);
  const shifted = (point: Point) => ({ x: point.x - corner.x, y: point.y - corner.y });
  return {
    boxes: sizes.map((_, at) => ({ ...box(at), ...shifted(box(at)) })),
    ways: lines.map(({ from, to }, at) => {
      const edge = graph.edge(String(from), String(to), String(at)) as { points: Point[]; x?: number; y?: number };
      return { points: edge.points.slice(1, -1).map(shifted), at: edge.x !== undefined && edge.y !== undefined ? shifted({ x: edge.x, y: edge.y }) : null };
    }),
  };
}
