import type { Alignment } from "./selection";
import type { Turns } from "./useDraft";
import { Icon } from "./Icon";

interface Props {
  writes: boolean; runs: boolean; turns: Turns; apart: boolean; errors: { on: boolean; toggle: () => void } | null; found: { at: number; of: number } | null; selected: number; oneLevel: boolean;
  add: () => void; turn: (way: "undo" | "redo") => void; fit: () => void; arrange: () => void; toggleApart: () => void; search: (text: string, on: boolean) => void;
  connect: () => void; title: () => void; rename: () => void; copy: () => void; remove: () => void; align: (how: Alignment) => void; open: () => void;
}

/** Everything that can be done, each with its key printed on it. */
export function Bar(props: Props) {
  const { writes, runs, turns, apart, errors, found, add, turn, fit, arrange, toggleApart, search } = props;
  return (
    <div className="cv-bar" role="toolbar" aria-label="Canvas">
      {writes && <Press icon="plus" word="Add" does="Add a step" key_="A" data-key="a" onClick={add} always />}
      {writes && <Press icon="undo" word="Undo" does={`Undo: ${turns.undo}`} key_="Ctrl Z" onClick={() => turn("undo")} off={!turns.undo} title={turns.undo ? `Undo: ${turns.undo}` : "There is nothing to undo"} />}
      {writes && <Press icon="redo" word="Redo" does={`Redo: ${turns.redo}`} key_="⇧ Ctrl Z" onClick={() => turn("redo")} off={!turns.redo} title={turns.redo ? `Redo: ${turns.redo}` : "There is nothing to do again"} />}
      <Press icon="fit" word="Fit" does="Show all of it" key_="F" data-key="f" onClick={fit} title="Show all of it" />
      {writes && <Press icon="workflow" word="Arrange" key_="L" data-key="l" onClick={arrange} title="Let every step find its place by itself" />}
      <Press icon="error" word={runs ? "Other ways" : "Errors"} key_="E" data-key="e" onClick={toggleApart} pressed={apart} title="Ways that errors, deadlines and fallbacks take" />
      {errors && <Press icon="to" word="Where errors go" key_="W" data-key="w" onClick={errors.toggle} pressed={errors.on} title="Where each error of each step ends, also what nothing catches" />}
      {!runs && <Press icon="info" word="Keys" key_="?" data-opens="keys" title="All keys of this page" />}
      <label className="cv-search">
        <span className="visually-hidden">Search steps</span>
        <Icon name="search" small />
        <input
          type="search" placeholder="Find a step" data-key={runs ? undefined : "/"} autoComplete="off" aria-label="Find a step"
          onChange={(event) => search(event.target.value, false)}
          onKeyDown={(event) => { if (event.key === "Enter") { event.preventDefault(); search(event.currentTarget.value, true); } }}
        />
        {found ? <span className="cv-search__found" role="status">{found.of === 0 ? "none" : `${found.at + 1} of ${found.of}`}</span> : <kbd>/</kbd>}
      </label>
    </div>
  );
}

/** What can be done with what is selected. */
export function Selected(props: Props & { named: string }) {
  const { writes, selected, oneLevel, named, connect, title, rename, copy, remove, align, open } = props;
  if (!writes) return null;
  if (selected === 0) return <div className="cv-bar cv-bar--selected cv-bar--none"><p className="cv-bar__hint">Choose a step to change it; with Shift, several. Drag from a port to lead it on.</p></div>;
  return (
    <div className="cv-bar cv-bar--selected" role="toolbar" aria-label="Selection">
      <span className="cv-bar__what">{named}</span>
      {selected === 1 && <Press icon="right" word="Open" key_="⏎" onClick={open} title="Go to its panel" />}
      {selected === 1 && <Press icon="to" word="Connect" key_="C" data-key="c" onClick={connect} />}
      {selected === 1 && <Press icon="edit" word="Title" key_="F2" onClick={title} title="Or click it twice" />}
      {selected === 1 && <Press icon="edit" word="Id" key_="I" data-key="i" onClick={rename} title="Rename its id" />}
      {selected > 1 && oneLevel && (["left", "middle", "top", "spread"] as const).map((how) => <Press key={how} icon={`align-${how}`} word={ALIGN[how][0]} key_={ALIGN[how][1]} data-key={ALIGN[how][1]} onClick={() => align(how)} title={ALIGN[how][2]} />)}
      <Press icon="copy" word="Copy" key_="Ctrl C" onClick={copy} />
      <Press icon="cross" word="Remove" key_="Del" onClick={remove} />
    </div>
  );
}

const ALIGN: Record<Alignment, [word: string, key: string, title: string]> = {
  left: ["Left", "1", "Line up their left edges"], middle: ["Middle", "2", "Line up their middles"], top: ["Top", "3", "Line up their upper edges"], spread: ["Spread", "4", "Leave the same room between them"],
};

interface PressProps { icon: string; word: string; key_: string; onClick?: () => void; off?: boolean; pressed?: boolean; always?: boolean; title?: string; does?: string; "data-key"?: string; "data-opens"?: string }

function Press({ icon, word, key_, onClick, off, pressed, always, title, does, ...rest }: PressProps) {
  return (
    <button
      type="button" className={`cv-press${always ? " cv-press--always" : ""}`} aria-disabled={off || undefined} aria-pressed={pressed} title={title ?? word} aria-label={word} data-does={does ?? word} {...rest}
      onClick={() => !off && onClick?.()}
    >
      <Icon name={icon} small /><span>{word}</span><kbd>{key_}</kbd>
    </button>
  );
}
