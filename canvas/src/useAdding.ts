/* Adding from the palette: where a step that is chosen there goes, and where the palette stands meanwhile. */

import { useCallback, useState } from "react";
import { type Index, START_OF, entryOf, lineOf } from "./graph";
import type { Point } from "./Palette";
import type { Command } from "./server";
import type { NewStep } from "./useDropping";

/** The route that is to lead to the new step; `at`: where on the screen somebody asked for that. */
interface Spot { step: string; route: string; level: string; at?: Point }

interface Given {
  index: Index; only: string;
  perform: (commands: Command[]) => Promise<string[] | null>;
  choosing: (type: string, begin: (step: NewStep) => void) => void;
  focus: (step: string) => void;
}

const SMALL = "(max-width: 40rem), (max-height: 30rem)"; // there the palette comes above what is drawn: see canvas.css

export function useAdding({ index, only, perform, choosing, focus }: Given) {
  const [spot, setSpot] = useState<Spot | null>(null);
  const [docked, setDocked] = useState({ open: false, focus: 0 });

  const open = useCallback(() => {
    setSpot(null);
    setDocked((now) => ({ open: true, focus: now.focus + 1 }));
  }, []);
  const close = useCallback(() => {
    setSpot(null);
    setDocked((now) => ({ ...now, open: false }));
  }, []);
  const insert = useCallback((step: string, route: string, level: string, at: Point) => {
    const small = matchMedia(SMALL).matches;
    if (small) open();
    else close();
    setSpot({ step, route, level, ...(small ? {} : { at }) });
  }, [close, open]);
  const leave = useCallback(() => {
    close();
    if (spot?.at) focus(spot.step);
  }, [close, focus, spot]);

  const target = spot ?? after(index, only);
  const add = (type: string) => {
    const where = type === "arm" ? { into: only } : { into: target?.level ?? "", ...(target?.route ? { from: { step: target.step, route: target.route } } : {}) };
    close();
    choosing(type, (step) => void perform([{ do: "add", step, ...where }]));
  };
  const where = spot ? between(index, spot) : target?.route ? `After ${index.steps.get(target.step)?.title}` : "Anywhere; connect it then";
  return { line: spot?.at ? lineTo(spot) : "", at: spot?.at, docked, open, close, insert, palette: { where, add, close, leave } };
}

const begins = ({ step, route, level }: Spot) => level !== "" && step === level && route === START_OF;
const lineTo = (spot: Spot) => (begins(spot) ? lineOf(entryOf(spot.level), spot.route) : lineOf(spot.step, spot.route));

function between(index: Index, spot: Spot): string {
  const title = index.steps.get(spot.step)?.title ?? "the start";
  return begins(spot) ? `First in ${title}` : `Between ${title} and what follows`;
}

/** Where a new step goes by itself: on from the one that is selected, else from the start of an empty workflow. */
function after(index: Index, only: string): Spot | null {
  const step = index.steps.get(only);
  if (!step) return null;
  const route = ["next", "cases", "actions"].find((name) => step.routes.some((each) => each.route === name) || step.free.some((each) => each.route === name));
  return { step: only, route: step.type === "arm" ? "" : route ?? "", level: step.parent };
}
