/* What the page tells of the texts of a form. */

export interface Place {
  path: string;
  type: string;
  words: string;
  values: string[];
}
export interface Called {
  name: string;
  signature: string;
  of?: string[];
}
export interface Variable {
  path: string;
  words: string;
  note: string;
}
export interface Prompt {
  names: string[];
  variables: Variable[];
  filters: string[];
  tests: string[];
  loop: string[];
  lacks: string;
}
export interface Told {
  places: Record<string, Place[]>;
  functions: Called[];
  methods: Called[];
  prompt?: Prompt;
}

const NOTHING: Told = { places: {}, functions: [], methods: [] };

export function toldIn(form: ParentNode | null): Told {
  const found = form?.querySelector<HTMLElement>("[data-texts]");
  return found ? JSON.parse(found.dataset.texts!) : NOTHING;
}

/** The step's input has these rows too, saved or not. */
export function namesTyped(form: ParentNode | null): string[] {
  const rows = form?.querySelectorAll<HTMLInputElement>('[name^="v/input/"][name$="/name"]') ?? [];
  return [...rows].map((row) => row.value.trim()).filter(Boolean);
}

/** What these are in the run that is looked at on this page. */
export function valuesSeen(): Record<string, string> {
  const found = document.querySelector<HTMLElement>("[data-values]");
  return found ? JSON.parse(found.dataset.values!) : {};
}
