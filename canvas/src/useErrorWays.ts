/* Where errors go: of what the pointer or the focus is on, else of what is chosen, the whole way that its errors take. */

import { type FocusEvent, type MouseEvent, useCallback, useMemo, useState } from "react";
import type { AnyNode, Way } from "./flow";
import { BREAK, type ErrorWay, FAILED, type Index, type Kind, type Route, START, endOf, lineOf } from "./graph";

export interface Told { step: string; way: ErrorWay }
/** `lines` and `nodes` are lit. */
export interface Traced { told: Told[]; lines: ReadonlySet<string>; nodes: ReadonlySet<string> }

const NOTHING: Traced = { told: [], lines: new Set(), nodes: new Set() };

export function useErrorWays(index: Index, only: string) {
  const [on, setOn] = useState(false);
  const [over, setOver] = useState("");
  const traced = useMemo(() => (on ? trace(index, over || only) : NOTHING), [index, on, only, over]);
  const leave = useCallback(() => setOver(""), []);
  const focused = (event: FocusEvent) => {
    const at = (event.target as Element).closest<HTMLElement>(".react-flow__node, .react-flow__edge");
    setOver(at?.matches(":focus-visible") ? at.dataset.id ?? "" : "");
  };
  const handlers = on ? {
    onNodeMouseEnter: (_: MouseEvent, node: AnyNode) => setOver(node.id), onNodeMouseLeave: leave,
    onEdgeMouseEnter: (_: MouseEvent, edge: Way) => setOver(edge.id), onEdgeMouseLeave: leave, onFocus: focused, onBlur: leave,
  } : {};
  return { on, traced, handlers, toggle: useCallback(() => setOn((now) => !now), []) };
}

/** `at` is a step, a line, or an ending that errors come to. */
function trace(index: Index, at: string): Traced {
  if (!at) return NOTHING;
  const failing = index.graph.steps.flatMap((step) => step.errors.filter((way) => step.id === at || runsBy(index, way, at)).map((way) => ({ step: step.id, way })));
  const told = [...failing, ...late(index).filter(({ step, way }) => step === at || (at === START && step === "") || runsBy(index, way, at))];
  const hops = told.flatMap(({ way }) => way.hops);
  return {
    told,
    lines: new Set(hops.map(([step, route]) => lineOf(step, route))),
    nodes: new Set([...told.flatMap(({ step, way }) => [step || START, way.to]), ...hops.flatMap(([step, route]) => [step, ending(index, step, route)])]),
  };
}

/** What is no error, and yet not the way that was meant: a deadline that has passed, and limits that are met. */
function late(index: Index): Told[] {
  const of = (step: string, routes: Route[], kind: Kind) => routes.filter((route) => route.kind === kind).map((route) => ({ step, way: wayOf(index, step, route) }));
  return [...of("", index.graph.routes, "breach"), ...index.graph.steps.flatMap((step) => of(step.id, step.routes, "deadline"))];
}

function wayOf(index: Index, step: string, { label, to, route }: Route): ErrorWay {
  const ends = index.steps.get(to)?.title ?? (to === BREAK ? "leave the loop" : "the end of the round");
  return { codes: [], words: label, to, ends, hops: [[step, route]] };
}

function runsBy(index: Index, way: ErrorWay, at: string): boolean {
  return way.hops.some(([step, route]) => lineOf(step, route) === at || ending(index, step, route) === at);
}

/** The mark that a line comes to which leads to no step. */
function ending(index: Index, step: string, route: string): string {
  const found = index.steps.get(step);
  if (route === ":person") return endOf(found?.parent ?? "", "person");
  if (route === ":fails") return found?.parent ? "" : FAILED;
  const to = found?.routes.find((each) => each.route === route)?.to ?? "";
  return index.steps.has(to) ? "" : endOf(found?.parent ?? "", to);
}
