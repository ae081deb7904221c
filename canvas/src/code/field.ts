import { autocompletion } from "@codemirror/autocomplete";
import { history, historyKeymap, standardKeymap } from "@codemirror/commands";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { closings } from "./closing";
import { marks, named, names } from "./marks";
import { suggestCel } from "./suggestCel";
import { suggestPrompt } from "./suggestPrompt";
import { theme } from "./theme";
import { namesTyped, type Told, toldIn } from "./told";
import { cel, prompt } from "./token";

const KEYS = "Control and Space suggest what may stand here, Enter takes a suggestion, Escape drops it. Tab leaves the field.";
const nonce = document.querySelector<HTMLScriptElement>("script[data-code]")?.nonce ?? "";

/** Where the caret was in which text, by its field: the form comes anew when it is saved. */
const carets = new Map<string, { doc: string; anchor: number; head: number }>();

/** What is typed over a selection: the browser would join lines by itself, with styles that the page's policy forbids. */
const over = EditorView.domEventHandlers({
  beforeinput({ inputType, data }, view) {
    if (inputType !== "insertText" || data === null || view.composing || view.state.selection.main.empty) return false;
    view.dispatch(view.state.replaceSelection(data), { userEvent: "input.type", scrollIntoView: true });
    return true;
  },
});

/** The library brings the caret into its own box and that into the page; the page, clear of what lies over it (js/clear.js). */
const clear = EditorView.updateListener.of(({ transactions, view }) => {
  if (!transactions.some(({ scrollIntoView }) => scrollIntoView)) return;
  requestAnimationFrame(() => {
    const detail = view.coordsAtPos(view.state.selection.main.head);
    if (detail) view.contentDOM.dispatchEvent(new CustomEvent("code:caret", { bubbles: true, detail }));
  });
});

export class CodeField extends HTMLElement {
  #view: EditorView | null = null;
  #stop = new AbortController();

  connectedCallback(): void {
    const area = this.querySelector("textarea");
    if (!area || this.#view || area.readOnly || area.disabled) return;
    this.#stop = new AbortController();
    this.#begin(area);
  }

  /** Whatever takes it out of the page, the editor goes with it. */
  disconnectedCallback(): void {
    this.#stop.abort();
    this.#view?.destroy();
    this.#view = null;
    delete this.dataset.edits;
    this.querySelectorAll("[data-own]").forEach((own) => own.remove());
    const area = this.querySelector("textarea");
    area?.removeAttribute("tabindex");
    area?.removeAttribute("aria-hidden");
  }

  #begin(area: HTMLTextAreaElement): void {
    const form = area.form;
    const told = toldIn(form);
    const isPrompt = this.getAttribute("language") === "prompt";
    const { tokens, plugin } = marks(isPrompt ? prompt : cel, isPrompt);
    const keys = own("p", `${area.id}-keys`, "visually-hidden");
    const said = own("div", `${area.id}-unknown`, "code-said");
    keys.textContent = KEYS;
    said.setAttribute("role", "status");
    const place = `${form?.getAttribute("action")} ${area.id}`;
    const caret = carets.get(place);
    const source = isPrompt ? told.prompt && suggestPrompt(told.prompt, tokens) : suggestCel(told, this.getAttribute("places") ?? "", tokens);
    let typing = false; // what comes of it must not come back
    let before = area.value;

    const view = new EditorView({
      state: EditorState.create({
        doc: area.value,
        selection: caret?.doc === area.value ? { anchor: caret.anchor, head: caret.head } : undefined,
        extensions: [
          EditorView.cspNonce.of(nonce),
          EditorView.lineWrapping,
          history(),
          names,
          tokens,
          plugin,
          theme,
          over,
          closings,
          clear,
          autocompletion({
            override: source ? [source] : [],
            icons: false,
            interactionDelay: 0, // Enter in an expression seldom means a new line
          }),
          keymap.of([...historyKeymap, ...standardKeymap]),
          EditorView.contentAttributes.of((view) => attributes(area, isPrompt, (view.plugin(plugin)?.unknown.length ?? 0) > 0)),
          EditorView.updateListener.of(({ docChanged, selectionSet, focusChanged, view }) => {
            const { anchor, head } = view.state.selection.main;
            if (docChanged || selectionSet) carets.set(place, { doc: view.state.doc.toString(), anchor, head });
            say(said, area, told, (view.plugin(plugin)?.unknown ?? []).map(({ text }) => text));
            if (docChanged && !typing) {
              area.value = view.state.doc.toString();
              fire("input");
            }
            if (focusChanged && !view.hasFocus && area.value !== before) {
              before = area.value;
              fire("change");
            }
          }),
        ],
      }),
    });
    const fire = (name: string) => {
      typing = true;
      area.dispatchEvent(new Event(name, { bubbles: true }));
      typing = false;
    };
    const rename = () => {
      const known = [...new Set([...(told.prompt?.names ?? []), ...namesTyped(form)])];
      if (String(known) !== String(view.state.field(names))) view.dispatch({ effects: named.of(known) });
    };

    area.setAttribute("tabindex", "-1");
    area.setAttribute("aria-hidden", "true");
    this.append(view.dom, keys, said);
    view.dom.dataset.own = "";
    this.#view = view;
    this.dataset.edits = "";
    if (document.activeElement === area || document.activeElement?.id === `${area.id}-code`) view.focus(); // of the form that this one takes the place of
    const { signal } = this.#stop;
    area.addEventListener("focus", () => view.focus(), { signal }); // by its label, a link to it, or a script
    area.addEventListener("input", () => {
      if (typing || area.value === view.state.doc.toString()) return;
      typing = true;
      const was = carets.get(place);
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: area.value }, selection: was?.doc === area.value ? { anchor: was.anchor, head: was.head } : undefined });
      typing = false;
    }, { signal });
    if (!isPrompt) return;
    form?.addEventListener("input", ({ target }) => { if (target !== area) rename(); }, { signal });
    rename();
  }
}

/** What describes the text area describes what stands for it. */
function attributes(area: HTMLTextAreaElement, isPrompt: boolean, wrong: boolean): Record<string, string> {
  const label = area.labels?.[0];
  if (label && !label.id) label.id = `${area.id}-label`;
  const described = [area.getAttribute("aria-describedby"), `${area.id}-unknown`, `${area.id}-keys`];
  return {
    id: `${area.id}-code`,
    ...(label ? { "aria-labelledby": label.id } : {}),
    "aria-describedby": described.filter(Boolean).join(" "),
    ...(wrong || area.getAttribute("aria-invalid") === "true" ? { "aria-invalid": "true" } : {}),
    ...(area.getAttribute("aria-required") ? { "aria-required": "true" } : {}),
    ...(isPrompt ? { spellcheck: "true", autocorrect: "on", autocapitalize: "sentences" } : {}),
  };
}

/** Each unknown name once; what the server says already is not said again. */
function say(said: HTMLElement, area: HTMLTextAreaElement, told: Told, unknown: string[]): void {
  const server = document.getElementById(`${area.id}-error`)?.textContent?.toLowerCase() ?? "";
  const sentences = [...new Set(unknown)].map((name) => told.prompt!.lacks.replace("{name}", name));
  const fresh = sentences.filter((sentence) => !server.includes(sentence.toLowerCase().replace(/\.$/, "")));
  if (fresh.join("\n") === [...said.querySelectorAll("li")].map((item) => item.textContent).join("\n")) return;
  const list = Object.assign(document.createElement("ul"), { className: "field__errors" });
  list.append(...fresh.map((sentence) => Object.assign(document.createElement("li"), { textContent: sentence })));
  said.replaceChildren(...(fresh.length ? [list] : []));
}

function own(tag: string, id: string, css: string): HTMLElement {
  const made = Object.assign(document.createElement(tag), { id, className: css });
  made.dataset.own = "";
  return made;
}
