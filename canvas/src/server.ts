/* The doors of the server. What comes back is either done, overtaken by somebody, or refused with a sentence. */

import type { Graph, Problem } from "./graph";

export type Command = { do: string } & Record<string, unknown>;

export interface Done {
  revision: number; sentence: string; steps: string[]; left: string[]; rebind: string[]; graph: Graph;
  undo: string | null; redo: string | null;
}
export interface Overtaken { kind: "overtaken"; message: string; changes: string[]; graph: Graph | null }
export interface Refused { kind: "refused"; message: string; problems: Problem[] }
export interface Failed { kind: "failed"; message: string }
export type Answer = ({ kind: "done" } & Done) | Overtaken | Refused | Failed;

const LOST = "The server did not answer, so nothing was changed. Try again once it is back.";
const UNANSWERED = "The server did not answer, so what is drawn may be old.";
const SIGNED_OUT = "You are not signed in any more. Load the page again.";
const KEPT = 60_000; // of what is sent as a page closes, a browser keeps less than 64 kB

export async function fetchGraph(address: string): Promise<Graph> {
  const answer = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" }).catch(() => null);
  if (answer?.redirected) throw new Error(SIGNED_OUT);
  const told = answer && (await json(answer));
  if (!answer?.ok || !told) throw new Error(String(told?.detail ?? UNANSWERED));
  return told as unknown as Graph;
}

export async function post(address: string, token: string, body: unknown): Promise<Answer> {
  const text = JSON.stringify(body);
  let answer: Response;
  try {
    answer = await fetch(address, {
      method: "POST", credentials: "same-origin", redirect: "manual",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token },
      body: text, keepalive: text.length < KEPT,
    });
  } catch {
    return { kind: "failed", message: LOST };
  }
  const told = await json(answer);
  if (answer.ok && told) return { kind: "done", ...readDone(told) };
  const message = String(told?.detail ?? LOST);
  if (answer.status === 409) return { kind: "overtaken", message, changes: sentences(told?.changes), graph: (told?.graph as Graph) ?? null };
  if (answer.status === 422) return { kind: "refused", message, problems: (told?.problems as Problem[]) ?? [] };
  if (answer.type === "opaqueredirect") return { kind: "failed", message: SIGNED_OUT };
  return { kind: "failed", message };
}

function readDone(told: Record<string, unknown>): Done {
  return {
    revision: Number(told.revision), sentence: String(told.sentence ?? ""), steps: (told.steps as string[]) ?? [],
    left: sentences(told.left), rebind: sentences(told.rebind), graph: told.graph as Graph,
    undo: step(told.undo), redo: step(told.redo),
  };
}

/** An entry of the history in words; it may come as a sentence or with who made it. */
export function step(told: unknown): string | null {
  if (!told) return null;
  if (typeof told === "string") return told;
  const { sentence, by } = told as { sentence?: string; by?: string };
  return sentence ? `${sentence}${by ? ` (by ${by})` : ""}` : null;
}

function sentences(told: unknown): string[] {
  if (!Array.isArray(told)) return [];
  return told.map((each) => (typeof each === "string" ? each : step(each) ?? String((each as { message?: string }).message ?? "")));
}

async function json(answer: Response): Promise<Record<string, unknown> | null> {
  try {
    return (await answer.json()) as Record<string, unknown>;
  } catch {
    return null;
  }
}
