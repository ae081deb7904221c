/* Steps as text, so that they go from one workflow to another, through any clipboard. */

import type { Command } from "./server";

export interface Clip { interlock: number; clipboard: { steps: unknown[]; models?: unknown; tools?: unknown } }

/** Fetches what the steps are as text and puts it on the clipboard. Gives what went wrong, or null. */
export async function copy(address: string, steps: string[]): Promise<string | null> {
  const query = new URLSearchParams(steps.map((step) => ["step", step]));
  const answer = await fetch(`${address}${address.includes("?") ? "&" : "?"}${query}`, { credentials: "same-origin" }).catch(() => null);
  if (!answer?.ok) return "The server did not answer, so nothing was copied.";
  try {
    await navigator.clipboard.writeText(JSON.stringify(await answer.json(), null, 2));
    return null;
  } catch {
    return "This browser lets nothing be copied here: that needs https, or localhost.";
  }
}

/** The command that a pasted text comes to, null where it holds no steps. */
export function pasted(text: string, into: string): Command | null {
  if (!text.includes('"clipboard"') || text.length > 5_000_000) return null;
  try {
    const { clipboard } = JSON.parse(text) as Clip;
    if (!Array.isArray(clipboard?.steps)) return null;
    return { do: "paste", steps: clipboard.steps, models: clipboard.models ?? {}, tools: clipboard.tools ?? {}, into };
  } catch {
    return null;
  }
}
