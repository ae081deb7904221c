/* What the parts of a drawing know beside their own data. It changes rarely, for each change draws all that is in sight anew. */

import { createContext, useContext } from "react";

export interface Surroundings {
  icons: string;
  writes: boolean;
  /** While a line is being dragged: where it may end. */
  legal: ReadonlySet<string> | null;
  /** The line, and the container, that what is being dragged would be dropped into. */
  line: string;
  into: string;
  /** The step whose title is being written, and what was refused of which step. */
  titling: string | null;
  refused: { step: string; message: string } | null;
  fold: (step: string, folded: boolean) => void;
  title: (step: string, title: string | null) => void;
  insert: (step: string, route: string, level: string, at: { x: number; y: number }) => void;
}

const Context = createContext<Surroundings | null>(null);
export const Around = Context.Provider;
export const useAround = (): Surroundings => useContext(Context) as Surroundings;
