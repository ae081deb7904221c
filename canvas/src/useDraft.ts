/* A draft as the server holds it, and the way to change it: commands, one list after the other, each made on the revision that is shown. */

import { useCallback, useRef, useState } from "react";
import type { Graph } from "./graph";
import { fetchGraph, post, type Answer, type Command } from "./server";

export interface Doors { graph: string; commands: string; undo: string; redo: string; token: string }
export interface Notice { tone: "bad" | "person" | "info"; message: string; lines: string[]; again?: () => void }
export interface Turns { undo: string | null; redo: string | null }

export interface Draft {
  graph: Graph;
  turns: Turns;
  notice: Notice | null;
  said: string;
  refused: { step: string; message: string } | null;
  send: (commands: Command[]) => Promise<string[] | null>;
  turn: (way: "undo" | "redo") => Promise<string[] | null>;
  refresh: (revision?: number) => Promise<void>;
  follow: (revision?: number) => Promise<void>;
  tell: (notice: Notice | null) => void;
}

export function useDraft(first: Graph, doors: Doors, begin: Turns, changed: (revision: number) => void): Draft {
  const [graph, setGraph] = useState(first);
  const drawn = useRef(graph);
  drawn.current = graph;
  const [turns, setTurns] = useState(begin);
  const [notice, tell] = useState<Notice | null>(null);
  const [refused, setRefused] = useState<Draft["refused"]>(null);
  const [said, setSaid] = useState("");
  const revision = useRef(first.revision ?? 0);
  const asked = useRef(0);
  const taken = useRef(0);
  const last = useRef<Promise<unknown>>(Promise.resolve());

  /** As it was at a revision, drawn or not; what was done in the panel, or by others, can be taken back here too. */
  const take = useCallback((fresh: Graph | null, at: number | null = fresh?.revision ?? null, turns = fresh?.turns) => {
    if ((at ?? revision.current) < revision.current) return; // it was made, or asked for, before what is shown
    revision.current = at ?? revision.current;
    if (fresh) setGraph(fresh);
    if (turns) setTurns(turns);
  }, []);

  const refresh = useCallback(async (wanted?: number) => {
    if (wanted !== undefined && wanted <= revision.current) return;
    const mine = ++asked.current;
    try {
      const fresh = await fetchGraph(doors.graph);
      if (mine < taken.current) return; // what was asked for later says more
      taken.current = mine;
      take(fresh);
    } catch (error) {
      tell({ tone: "bad", message: (error as Error).message, lines: [], again: () => void refresh(wanted) });
    }
  }, [doors, take]);

  const inTurn = useCallback(<T,>(job: () => Promise<T>): Promise<T> => {
    const next = last.current.then(job, job);
    last.current = next.catch(() => undefined);
    return next;
  }, []);

  /** What is done next on this page is done on what was done on it before, in the panel. */
  const follow = useCallback((wanted?: number) => inTurn(() => refresh(wanted)), [inTurn, refresh]);

  const heed = useCallback(async (answer: Answer, again: () => void, of: string): Promise<string[] | null> => {
    if (answer.kind === "done") {
      tell(answer.rebind.length + answer.left.length > 0 ? { tone: "person", message: "Look at these: what they name is not here, or could not be rewritten.", lines: [...answer.rebind, ...answer.left] } : null);
      setRefused(null);
      setSaid(answer.sentence);
      take(answer.graph, answer.revision, { undo: answer.undo, redo: answer.redo });
      changed(answer.revision);
      return answer.steps;
    }
    if (answer.kind === "overtaken") {
      if (answer.graph) take(answer.graph);
      else await refresh();
      changed(revision.current);
      tell({ tone: "person", message: answer.message, lines: answer.changes, again });
    } else if (answer.kind === "refused") {
      const [problem] = answer.problems;
      const message = answer.problems.map((each) => each.message).join(" ") || answer.message;
      const named = problem?.step ?? of; // of what is pasted or added no card stands here yet
      const step = drawn.current?.steps.some((each) => each.id === named) ? named : "";
      setRefused(step ? { step, message } : null);
      tell(step ? null : { tone: "bad", message, lines: [] });
      setSaid(message);
    } else tell({ tone: "bad", message: answer.message, lines: [] });
    setGraph((now) => ({ ...now })); // what was drawn ahead of the answer goes back to where it is
    return null;
  }, [changed, refresh, take]);

  const send = useCallback((commands: Command[]): Promise<string[] | null> => {
    setRefused(null);
    const step = commands[0]?.step;
    return inTurn(async () => heed(await post(doors.commands, doors.token, { revision: revision.current, commands }), () => void send(commands), typeof step === "string" ? step : ""));
  }, [doors, heed, inTurn]);

  const turn = useCallback((way: "undo" | "redo"): Promise<string[] | null> => {
    setRefused(null);
    return inTurn(async () => heed(await post(doors[way], doors.token, { revision: revision.current }), () => void turn(way), ""));
  }, [doors, heed, inTurn]);

  return { graph, turns, notice, said, refused, send, turn, refresh, follow, tell };
}
