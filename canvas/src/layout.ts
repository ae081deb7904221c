/* Where everything stands. Each level is laid out by itself, innermost first: the same graph gives the same picture, on any machine.
 * Where people have put a step, it stays; its container grows around it. */

import { APART, BREAK, CONTAINERS, CONTINUE, FAILED, type Index, type Kind, START, START_OF, type Step, UNWRITTEN, endOf, entryOf, grouped, lineOf } from "./graph";
import { BETWEEN, type Shape, type Way, drawn } from "./pieces";

export const STEP = { width: 216, height: 58 };
const PILL = { width: 112, height: 28 };
const DOT = { width: 12, height: 12 };
const BEGIN = { width: 84, height: 30 };
const ENDING = { width: 196, height: 30 };
const EXTRAS: Record<Extra["kind"], Size> = { round: PILL, break: PILL, entry: DOT, start: BEGIN, failed: ENDING, person: ENDING };
const HEAD = 46;
const PAD = 20;
const BETWEEN_ARMS = 24;

export interface Point { x: number; y: number }
export interface Size { width: number; height: number }
export interface Box extends Point, Size {}

export interface Line {
  id: string; from: string; to: string; step: string; route: string; kind: Kind; label: string; level: string;
  /** The way between the two in the coordinates of its level, without its ends; null where one of them was moved. */
  way: Point[] | null;
  /** The middle of its label, as long as there is such a way. */
  at: Point | null;
  /** It runs in a lane beside the steps, from the first point of its way to the second. */
  lane: boolean;
}

/** Whether a line leads out of a container by its foot. */
export const leavesByFoot = (line: Line): boolean => line.level !== "" && line.to === line.level;

export interface Extra { id: string; kind: "start" | "entry" | "round" | "break" | "failed" | "person"; word: string; level: string }
export interface Placed { boxes: Map<string, Box>; lines: Line[]; extras: Extra[] }

interface Level { boxes: Map<string, Box>; lines: Line[]; extras: Extra[]; size: Size }

const kept = new Map<string, Map<string, Level>>();
const MOST_KEPT = 12;

/** `told`: where errors go that no route takes is drawn too. */
export function place(index: Index, folded: ReadonlySet<string>, told = false): Placed {
  const made: Placed = { boxes: new Map(), lines: [], extras: [] };
  const key = JSON.stringify([told, [...folded].sort(), index.graph.routes, index.graph.steps.map((s) => [s.id, s.type, s.parent, s.at, s.routes, s.free.length, told && s.errors])]);
  const levels = kept.get(key) ?? new Map<string, Level>();
  if (levels.size === 0) {
    layOut({ index, folded, levels, unwritten: told ? unwrittenOf(index) : new Map() }, "");
    kept.set(key, levels);
    if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value as string);
  }
  for (const level of levels.values()) {
    for (const [id, box] of level.boxes) made.boxes.set(id, box);
    made.lines.push(...level.lines);
    made.extras.push(...level.extras);
  }
  return made;
}

interface Work { index: Index; folded: ReadonlySet<string>; levels: Map<string, Level>; unwritten: Map<string, Set<string>> }

/** The routes that nobody wrote, by the step that they begin at. */
function unwrittenOf(index: Index): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const step of index.graph.steps) {
    for (const [from, route] of step.errors.flatMap((way) => way.hops)) {
      if (route.startsWith(":")) found.set(from, (found.get(from) ?? new Set()).add(route));
    }
  }
  return found;
}

function layOut(work: Work, level: string): Level {
  const { index } = work;
  const steps = index.inside.get(level) ?? [];
  const sizes = new Map(steps.map((step) => [step.id, sizeOf(work, step)]));
  const type = index.steps.get(level)?.type ?? "";
  const lines = type === "parallel" ? [] : linesOf(work, level, steps);
  const extras = type === "parallel" ? [] : extrasOf(index, level, steps, lines);
  for (const extra of extras) sizes.set(extra.id, EXTRAS[extra.kind]);
  const boxes = type === "parallel" ? sideBySide(steps, sizes) : flowing(sizes, lines);
  const moved = steps.filter((step) => step.at);
  for (const step of moved) Object.assign(boxes.get(step.id) as Box, { x: step.at?.[0], y: step.at?.[1] });
  for (const line of lines) if (!line.lane && moved.some((step) => step.id === line.from || step.id === line.to)) Object.assign(line, { way: null, at: null });
  if (moved.length > 0) {
    const placed = moved.map((step) => boxes.get(step.id) as Box);
    for (const line of lines) line.lane ||= isHidden(line, boxes, placed);
    inLanes(boxes, sizes, lines.filter((line) => line.lane), level === "" ? -Infinity : LEAST);
  }
  const size = level === "" ? { width: 0, height: 0 } : around(boxes, lines);
  for (const line of lines) if (leavesByFoot(line) && line.way?.[1]) line.way[1].y = size.height - LANE.above;
  const done = { boxes, lines, extras, size };
  work.levels.set(level, done);
  return done;
}

function sizeOf(work: Work, step: Step): Size {
  if (!CONTAINERS.has(step.type) || work.folded.has(step.id)) return STEP;
  return layOut(work, step.id).size;
}

function around(boxes: Map<string, Box>, lines: Line[]): Size {
  let [width, height] = [STEP.width + 2 * PAD, HEAD + STEP.height + PAD];
  for (const point of lines.flatMap((line) => line.way ?? [])) {
    width = Math.max(width, point.x + PAD);
    height = Math.max(height, point.y + PAD);
  }
  for (const box of boxes.values()) {
    width = Math.max(width, box.x + box.width + PAD);
    height = Math.max(height, box.y + box.height + PAD);
  }
  return { width, height };
}

function sideBySide(steps: Step[], sizes: Map<string, Size>): Map<string, Box> {
  const found = new Map<string, Box>();
  let x = PAD;
  for (const step of steps) {
    const size = sizes.get(step.id) ?? STEP;
    found.set(step.id, { x, y: HEAD, ...size });
    x += size.width + BETWEEN_ARMS;
  }
  return found;
}

/** Every line of a level, those that are not written too: to where a level begins, and to the end of a round. */
function linesOf({ index, unwritten }: Work, level: string, steps: Step[]): Line[] {
  const found: Line[] = [];
  const line = (from: string, to: string, step: string, route: string, kind: Kind, label: string) =>
    found.push({ id: lineOf(from, route), from, to, step, route, kind, label, level, way: null, at: null, lane: false });
  const here = new Set(steps.map((step) => step.id));
  if (level === "") {
    for (const route of index.graph.routes) if (here.has(route.to)) line(START, route.to, "", route.route, route.kind, route.label);
  } else if (steps[0]) line(entryOf(level), steps[0].id, level, START_OF, "entry", "");
  for (const step of steps) {
    for (const route of step.routes) {
      if (here.has(route.to)) line(step.id, route.to, step.id, route.route, route.kind, route.label);
      else if (level !== "" && (route.to === BREAK || route.to === CONTINUE)) line(step.id, endOf(level, route.to), step.id, route.route, route.kind, route.label);
    }
    const ends = level !== "" && step.type !== "arm" && step.free.some((free) => free.route === "next");
    if (ends) line(step.id, endOf(level, CONTINUE), step.id, "next", "round", "");
    for (const route of unwritten.get(step.id) ?? []) {
      const to = { ":fails": level || FAILED, ":person": endOf(level, "person"), ":host": hostOf(steps, step.id) }[route];
      if (to) line(step.id, to, step.id, route, route.slice(1) as Kind, "");
    }
  }
  return found;
}

const hostOf = (steps: Step[], id: string) => steps.find((step) => step.routes.some((route) => route.kind === "fallback" && route.to === id))?.id;

function extrasOf(index: Index, level: string, steps: Step[], lines: Line[]): Extra[] {
  const person = endOf(level, "person");
  const found: Extra[] = lines.some((line) => line.to === person) ? [{ id: person, kind: "person", word: "A person is asked", level }] : [];
  if (level === "") {
    const failed = index.graph.outcomes.find((outcome) => outcome.id === index.graph.on_failure)?.title ?? "The run fails";
    if (lines.some((line) => line.to === FAILED)) found.push({ id: FAILED, kind: "failed", word: failed, level });
    return steps.length > 0 ? [{ id: START, kind: "start", word: "Start", level }, ...found] : [];
  }
  const type = index.steps.get(level)?.type ?? "";
  found.push({ id: entryOf(level), kind: "entry", word: "", level });
  const words: Record<string, string> = { loop: "Round ends", map: "Item done", arm: "Arm done" };
  const [round, left] = [endOf(level, CONTINUE), endOf(level, BREAK)];
  if (lines.some((line) => line.to === round)) found.push({ id: round, kind: "round", word: words[type] ?? "Done", level });
  if (type === "loop" || lines.some((line) => line.to === left)) found.push({ id: left, kind: "break", word: "Leave loop", level });
  return found;
}

/** Main ways by dagre, top to bottom. What is apart runs in lanes beside them, one for each place that it leads to, so that it
 * moves nothing; one of those lines is laid out like the others where nothing else leads to a step. */
function flowing(sizes: Map<string, Size>, lines: Line[]): Map<string, Box> {
  const reached = new Set(lines.filter((line) => !isApart(line)).map((line) => line.to));
  const only = new Map(lines.filter((line) => APART.has(line.kind) && !reached.has(line.to)).map((line) => [line.to, line]));
  const led = lines.filter((line) => !isApart(line) || only.get(line.to) === line);
  const boxes = byDagre(new Map([...sizes].filter(([id]) => !isBelow(id))), led);
  for (const line of lines) line.lane = !led.includes(line);
  const alone = [...boxes.keys()].find((id) => id.endsWith(`:${BREAK}`) && !reached.has(id) && !only.has(id));
  inLanes(boxes, sizes, lines.filter((line) => line.lane), -Infinity);
  if (alone) besideTheEnd(boxes, alone);
  moveToCorner(boxes, lines);
  return boxes;
}

const isApart = (line: Line) => APART.has(line.kind) || UNWRITTEN.has(line.kind);
/** Endings that stand below everything, at the end of their lane. */
const isBelow = (id: string) => id === FAILED || id.endsWith(":person");

/** Piece by piece, from one step that every way passes to the next: a long workflow costs no more than its pieces, and its trunk is
 * straight. */
function byDagre(sizes: Map<string, Size>, lines: Line[]): Map<string, Box> {
  const found = new Map<string, Box>();
  const from = grouped(lines, (line) => line.from);
  let start: Point = { x: 0, y: 0 };
  for (const piece of pieces([...sizes.keys()], lines)) {
    const here = new Set(piece.ids);
    const within = piece.ids.flatMap((id) => from.get(id) ?? []).filter((line) => here.has(line.to));
    if (piece.ids.length === 2 && within.length === 1) oneBelow(piece, sizes, within[0] as Line, found, start);
    else layOutPiece(piece, sizes, within, found, start);
    const { x, y } = found.get(piece.ids[piece.ids.length - 1] as string) ?? start;
    start = { x, y };
  }
  return found;
}

function oneBelow(piece: Piece, sizes: Map<string, Size>, line: Line, found: Map<string, Box>, start: Point): void {
  const [head, tail] = piece.ids.map((id) => sizes.get(id) as Size) as [Size, Size];
  const [x, y] = [Math.round(start.x + (head.width - tail.width) / 2), start.y + head.height + BETWEEN + labelSize(line).height];
  found.set(piece.ids[0] as string, { ...start, ...head });
  found.set(piece.ids[1] as string, { x, y, ...tail });
  line.at = line.label ? { x: start.x + head.width / 2, y: (start.y + head.height + y) / 2 } : null;
  line.way = line.at ? [line.at] : [];
}

interface Piece { ids: string[]; first: boolean; last: boolean }

/** The steps in an order in which every line leads on, cut where no line passes a step by. A cut step ends one piece and begins the next. */
function pieces(ids: string[], lines: Line[]): Piece[] {
  const order = inOrder(ids, lines);
  const at = new Map(order.map((id, position) => [id, position]));
  const reach = order.map((_, position) => position);
  for (const line of lines) {
    const from = at.get(line.from) as number;
    reach[from] = Math.max(reach[from] as number, at.get(line.to) as number);
  }
  const cuts: number[] = [];
  let furthest = 0;
  order.forEach((_, position) => {
    if (position > 0 && position < order.length - 1 && furthest === position) cuts.push(position);
    furthest = Math.max(furthest, reach[position] as number);
  });
  const ends = [0, ...cuts, order.length - 1];
  return ends.slice(1).map((end, piece) => ({ ids: order.slice(ends[piece], end + 1), first: piece === 0, last: piece === ends.length - 2 }));
}

/** Steps before those that they lead to, else as they are written. What is in a circle comes last. */
function inOrder(ids: string[], lines: Line[]): string[] {
  const waits = new Map(ids.map((id) => [id, 0]));
  const leads = grouped(lines, (line) => line.from);
  for (const line of lines) waits.set(line.to, (waits.get(line.to) ?? 0) + 1);
  const found: string[] = [];
  const open = [...ids].sort((a, b) => Number(b === START || b.endsWith(":entry")) - Number(a === START || a.endsWith(":entry"))).filter((id) => waits.get(id) === 0);
  while (open.length > 0) {
    const id = open.shift() as string;
    found.push(id);
    for (const { to } of leads.get(id) ?? []) {
      const left = (waits.get(to) as number) - 1;
      waits.set(to, left);
      if (left === 0) open.push(to);
    }
  }
  return [...found, ...ids.filter((id) => (waits.get(id) as number) > 0)];
}

/** Boxes and ways of one piece, below `start`, where the piece before it ended. */
function layOutPiece(piece: Piece, sizes: Map<string, Size>, lines: Line[], found: Map<string, Box>, start: Point): void {
  if (piece.ids.length === 0) return;
  const at = new Map(piece.ids.map((id, position) => [id, position]));
  const shape: Shape = {
    first: piece.first, last: piece.last,
    sizes: piece.ids.map((id) => sizes.get(id) as Size),
    lines: lines.map((line) => ({ from: at.get(line.from) as number, to: at.get(line.to) as number, weight: isApart(line) ? 1 : 4, label: labelSize(line) })),
  };
  const { boxes, ways } = drawn(shape);
  const shifted = (point: Point) => ({ x: point.x + start.x, y: point.y + start.y });
  piece.ids.forEach((id, position) => found.set(id, { ...boxes[position] as Box, ...shifted(boxes[position] as Box) }));
  lines.forEach((line, position) => {
    const way = ways[position] as Way;
    line.at = line.label && way.at ? shifted(way.at) : null;
    line.way = eased(way.points.map(shifted), line.at);
  });
}

const EASE = 14;

/** Without the point right below a step, so that a line has room to turn. */
function eased(way: Point[], label: Point | null): Point[] {
  if (way.length < 2) return label ? way : [];
  return way.map((point, at) => ({ x: point.x, y: point.y + (at === 0 ? EASE : at === way.length - 1 ? -EASE : 0) }));
}

const LANE = { first: 22, next: 12, below: 15, above: 18, apart: 6 };
const LEAST = 10; // as far as a lane comes to the edge of its container

type Side = -1 | 1; // left, right

/** Lanes at the left, or at the right where fewer steps are in the way there. What `below` says has its place at the end of its lane. */
function inLanes(boxes: Map<string, Box>, sizes: Map<string, Size>, lines: Line[], least: number): void {
  for (const id of [...boxes.keys()]) if (isBelow(id)) boxes.delete(id);
  const all = [...boxes.values()];
  const foot = Math.max(...all.map((box) => box.y + box.height));
  const groups = [...grouped(lines.filter((line) => boxes.has(line.from)), (line) => line.to)];
  const row = (end: string) => boxes.get(end)?.y ?? foot + (isBelow(end) ? BETWEEN : LANE.above); // else the foot of the container
  const used = { [-1]: 0, [1]: 0 };
  const taken = { [-1]: Infinity, [1]: -Infinity }; // by endings that stand there already
  for (const [end, here] of groups.sort(([a], [b]) => row(a) - row(b))) {
    const tried = ([-1, 1] as const).map((side) => lane(all, boxes, end, here, side, used[side], row(end), least));
    const best = (tried[0] as Lane).crossed <= (tried[1] as Lane).crossed ? (tried[0] as Lane) : (tried[1] as Lane);
    used[best.side] += 1;
    here.forEach((line, at) => Object.assign(line, { way: best.ways[at], at: null, lane: true }));
    const size = sizes.get(end);
    if (!isBelow(end) || !size) continue;
    const beside = best.side < 0 ? Math.min(best.x - size.width / 2, taken[-1] - size.width - LANE.next) : Math.max(best.x - size.width / 2, taken[1] + LANE.next);
    const x = Math.max(beside, least); // where it can't be beside it, below
    const under = x > beside ? size.height + LANE.below + LANE.above : 0;
    boxes.set(end, { ...size, x, y: foot + BETWEEN + under });
    taken[best.side] = best.side < 0 ? x : x + size.width;
  }
}

interface Lane { side: Side; x: number; ways: [Point, Point][]; crossed: number }

function lane(all: Box[], boxes: Map<string, Box>, end: string, lines: Line[], side: Side, before: number, row: number, least: number): Lane {
  const to = boxes.get(end);
  const rows = lines.map((line) => (boxes.get(line.from) as Box).y);
  const [top, bottom] = [Math.min(...rows, row), Math.max(...rows, row)];
  const beside = all.filter((box) => box.y <= bottom && box.y + box.height >= top);
  const edge = side < 0 ? Math.min(...beside.map((box) => box.x)) : Math.max(...beside.map((box) => box.x + box.width));
  const x = Math.max(edge + side * (LANE.first + LANE.next * before), least);
  const back = to ? turn(all, to, to.x + to.width / 2, x, -1) : { y: row - LANE.above, crossed: 0 };
  let { crossed } = back;
  const ways = lines.map((line): [Point, Point] => {
    const from = boxes.get(line.from) as Box;
    const out = turn(all, from, side < 0 ? from.x + LANE.first : from.x + from.width - LANE.first, x, 1);
    crossed += out.crossed;
    return [{ x, y: out.y }, { x, y: back.y }];
  });
  return { side, x, ways, crossed };
}

/** At which height a line turns from the foot (`way` 1) or the head (-1) of a box to its lane: close to it, or past what is in its way. */
function turn(all: Box[], box: Box, own: number, lane: number, way: 1 | -1): { y: number; crossed: number } {
  const begin = way > 0 ? box.y + box.height : box.y;
  const room = way > 0 ? LANE.below : LANE.above;
  const near = begin + way * room;
  let [y, tries] = [near, 6];
  for (; tries > 0; tries -= 1) {
    const hit = blocking(all, box, Math.min(own, lane), Math.max(own, lane), y, y);
    if (hit.length === 0) break;
    y = way > 0 ? Math.max(...hit.map((other) => other.y + other.height)) + room : Math.min(...hit.map((other) => other.y)) - room;
  }
  const upright = blocking(all, box, own, own, Math.min(begin, y), Math.max(begin, y));
  if (tries > 0 && upright.length === 0) return { y, crossed: y === near ? 0 : 0.25 };
  return { y: near, crossed: blocking(all, box, Math.min(own, lane), Math.max(own, lane), near, near).length };
}

const PIECES = 8;

/** Whether it would run behind a step: behind one that people have put there, and where its own end was moved, behind any. */
function isHidden(line: Line, boxes: Map<string, Box>, placed: Box[]): boolean {
  const [from, to] = [boxes.get(line.from), boxes.get(line.to)];
  if (!from || !to) return false;
  const [start, end] = [{ x: from.x + from.width / 2, y: from.y + from.height }, { x: to.x + to.width / 2, y: to.y }];
  if (!line.way && end.y < start.y) return true;
  const middle = (start.y + end.y) / 2;
  const points = [start, ...(line.way ?? [{ x: start.x, y: middle }, { x: end.x, y: middle }]), end];
  const others = (line.way ? placed : [...boxes.values()]).filter((box) => box !== from && box !== to);
  return points.slice(1).some((b, at) => {
    const a = points[at] as Point;
    const on = (t: number): Point => ({ x: a.x + (b.x - a.x) * t * t * (3 - 2 * t), y: a.y + (b.y - a.y) * (1.5 * t * (1 - t) + t ** 3) });
    return Array.from({ length: PIECES }, (_, piece) => [on(piece / PIECES), on((piece + 1) / PIECES)] as const).some(([p, q]) =>
      blocking(others, null, Math.min(p.x, q.x), Math.max(p.x, q.x), Math.min(p.y, q.y), Math.max(p.y, q.y)).length > 0);
  });
}

function blocking(all: Box[], except: Box | null, left: number, right: number, top: number, bottom: number): Box[] {
  const { apart } = LANE;
  return all.filter((box) => box !== except && box.x - apart < right && box.x + box.width + apart > left && box.y - apart < bottom && box.y + box.height + apart > top);
}

/** The way out of a loop that nothing takes yet: where the round ends, for whoever wants to lead something there. */
function besideTheEnd(boxes: Map<string, Box>, id: string): void {
  const others = [...boxes].filter(([other]) => other !== id).map(([, box]) => box);
  const bottom = Math.max(...others.map((box) => box.y + box.height));
  const row = others.filter((box) => box.y + box.height === bottom);
  const right = Math.max(...row.map((box) => box.x + box.width));
  boxes.set(id, { x: right + 16, y: bottom - PILL.height, ...PILL });
}

function moveToCorner(boxes: Map<string, Box>, lines: Line[]): void {
  if (boxes.size === 0) return;
  const root = boxes.has(START); // which has room on all sides, so that what is drawn for a while moves nothing
  const drawn = [...boxes].filter(([id]) => !root || !isBelow(id)).map(([, box]) => box);
  const points = [...drawn, ...lines.filter((line) => !root || !UNWRITTEN.has(line.kind)).flatMap((line) => line.way ?? [])];
  const corner = root ? { x: 0, y: 0 } : { x: PAD, y: HEAD };
  const [x, y] = [corner.x - Math.min(...points.map((point) => point.x)), corner.y - Math.min(...[...boxes.values()].map((box) => box.y))].map(Math.round) as [number, number];
  const shifted = (point: Point) => ({ x: point.x + x, y: point.y + y });
  for (const box of boxes.values()) Object.assign(box, shifted(box));
  for (const line of lines) Object.assign(line, { way: line.way && line.way.map(shifted), at: line.at && shifted(line.at) });
}

export const LABEL = { character: 6.4, height: 20, most: 150 };

function labelSize(line: Line): Size {
  if (!line.label) return { width: 0, height: 0 };
  return { width: Math.min(line.label.length * LABEL.character + 14, LABEL.most), height: LABEL.height };
}
