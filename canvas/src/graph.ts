/* What the server draws: dashboard/graph_view.py says what each part means. */

export type Kind =
  | "next" | "case" | "default" | "action" | "deadline" | "catch" | "unknown" | "exhausted" | "stalled" | "fallback" | "breach" | "round" | "entry"
  | "fails" | "person" | "host";

export interface Route { route: string; kind: Kind; label: string; to: string; errors: string[] }
export interface Problem { code: string; severity: "error" | "warning" | "info"; step: string | null; path: string; message: string }
/** `items`: of a map or parallel, and of steps inside, how many child runs stand how, what needs looking at first; `said` in words. */
export interface Ran { visits: number; word: string; icon: string; tone: string; select: string; items?: Items[]; said?: string; lanes?: string }
export interface Items { word: string; icon: string; tone: string; number: number }

/** Where some errors of a step come to: `hops` are the lines that they run along, as (step, route); see dashboard/error_ways.py. */
export interface ErrorWay { codes: string[]; words: string; to: string; ends: string; hops: [step: string, route: string][] }

export interface Step {
  id: string; type: string; word: string; title: string; parent: string;
  note: string; lead: string; brief: string; effect: string; tone: string;
  problems: Problem[]; at: [number, number] | null; folded: boolean;
  routes: Route[]; free: { route: string; label: string }[];
  errors: ErrorWay[];
  ran?: Ran | null;
}

export interface Graph {
  workflow: string; title: string; revision: number | null; version: number | null; start: string;
  routes: Route[]; steps: Step[]; problems: Problem[];
  tools?: [id: string, title: string][];
  outcomes: { id: string; title: string; kind: string }[];
  on_failure: string;
  visited?: [from: string, to: string, route: string][]; inside?: string;
  turns?: { undo: string | null; redo: string | null };
}

export const CONTAINERS = new Set(["loop", "map", "parallel", "arm"]);
export const BREAK = "break";
export const CONTINUE = "continue";

/** Routes that are not the way on: drawn apart, and hidden where somebody asks for that. */
export const APART = new Set<Kind>(["catch", "deadline", "unknown", "fallback", "breach"]);

/** Routes that nobody wrote: what the proof says of errors that no route takes. Drawn where somebody asks for it, and not to be changed. */
export const UNWRITTEN = new Set<Kind>(["fails", "person", "host"]);

/** Lines that a step can be put into. */
export const takesSteps = (kind: Kind): boolean => !UNWRITTEN.has(kind);

/** Lines that nobody can lead elsewhere. */
export const isFixed = (kind: Kind): boolean => kind === "entry" || UNWRITTEN.has(kind);

/** What is known of a graph by id, computed once for each that comes. */
export class Index {
  readonly steps: Map<string, Step>;
  readonly inside: Map<string, Step[]>;

  constructor(readonly graph: Graph) {
    this.steps = new Map(graph.steps.map((step) => [step.id, step]));
    this.inside = grouped(graph.steps, (step) => step.parent);
  }

  /** The containers around a step, innermost first, the root ("") last. */
  around(id: string): string[] {
    const found: string[] = [];
    for (let at = this.steps.get(id)?.parent; at !== undefined; at = this.steps.get(at)?.parent) found.push(at);
    return found;
  }

  isWithin(id: string, container: string): boolean {
    return id === container || this.around(id).includes(container);
  }

  /** Where a route of `from` leads inside of its level: a step that stands there, or undefined. */
  targets(from: string): string[] {
    const step = this.steps.get(from);
    return (step?.routes ?? this.graph.routes).map((route) => route.to).filter((to) => this.steps.has(to));
  }
}

/** What a step is called after a change that took its id away, where all that changed besides is within steps: a rename. */
export function renamed(before: Graph, after: Graph, id: string): string | null {
  const old = new Set(before.steps.map((step) => step.id));
  const now = after.steps[before.steps.findIndex((step) => step.id === id)];
  return before.steps.length === after.steps.length && now && !old.has(now.id) ? now.id : null;
}

/** By what `of` says of each, in order. */
export function grouped<T>(all: readonly T[], of: (one: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const one of all) {
    const group = found.get(of(one));
    if (group) group.push(one);
    else found.set(of(one), [one]);
  }
  return found;
}

/** Where a route of `from` may lead: steps of the same level from which nothing leads back to it, and the ends of a body. */
export function legalTargets(index: Index, from: string, route: string): Set<string> {
  const level = from === "" ? "" : index.steps.get(from)?.parent ?? "";
  const siblings = (index.inside.get(level) ?? []).filter((step) => step.type !== "arm" && step.id !== from);
  const legal = new Set(siblings.filter((step) => from === "" || !leadsTo(index, step.id, from)).map((step) => step.id));
  const around = from === "" ? undefined : index.steps.get(level);
  if (around && !route.startsWith("fallback")) {
    legal.add(endOf(level, CONTINUE));
    if (around.type === "loop") legal.add(endOf(level, BREAK));
  }
  return legal;
}

function leadsTo(index: Index, from: string, wanted: string): boolean {
  const seen = new Set<string>();
  const open = [from];
  while (open.length > 0) {
    const at = open.pop() as string;
    if (at === wanted) return true;
    if (seen.has(at)) continue;
    seen.add(at);
    open.push(...index.targets(at));
  }
  return false;
}

/** The node at which a body's round, item or arm ends, or is left. No step has a colon in its id. */
export const endOf = (container: string, how: string): string => `${container}:${how}`;
export const entryOf = (container: string): string => `${container}:entry`;
export const START = ":start";
/** The route by which a level begins. */
export const START_OF = "start";
/** Where the workflow's own end for what nothing else catches is drawn. */
export const FAILED = ":failed";
export const lineOf = (step: string, route: string): string => `${step || START}>${route}`;

/** What edit commands call the node at the end of a dragged line. */
export const targetOf = (node: string): string => (node.includes(":") ? (node.split(":")[1] as string) : node);
