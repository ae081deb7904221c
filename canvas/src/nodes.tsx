import { Handle, Position, type NodeProps } from "@xyflow/react";
import { Fragment, type MouseEvent, type PointerEvent, type SyntheticEvent, type TouchEvent, memo, useEffect, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { Coded } from "./Coded";
import { useAround } from "./context";
import { type ExtraNode, FOOT, type Port, type StepNode } from "./flow";
import { CONTAINERS, type Step } from "./graph";
import { Icon } from "./Icon";

export const nodeTypes = { step: memo(StepCard), container: memo(Container), extra: memo(Mark) };

function StepCard({ id, data, selected }: NodeProps<StepNode>) {
  const { step, ports, folded, inside, dim } = data;
  const { near, wake, coming } = useNear();
  return (
    <div {...coming} className={`cv-step cv-step--${step.type}${CONTAINERS.has(step.type) ? " cv-step--folded" : ""}${selected ? " is-selected" : ""}${dim ? " is-dim" : ""}${tone(step)}`} {...states(useAround(), id)}>
      {step.type !== "arm" && <In node={id} />}
      <span className="cv-step__icon"><Icon name={step.type} /></span>
      <span className="cv-step__text">
        <Title step={step} />
        <Brief step={step} text={folded ? `${inside} step${inside === 1 ? "" : "s"} inside` : step.brief} />
      </span>
      <Marks step={step} />
      {CONTAINERS.has(step.type) && <Fold step={step} folded={folded} />}
      <Refusal step={step.id} />
      <Ports node={id} ports={ports} near={near} chosen={!!selected} wake={wake} />
    </div>
  );
}

function Container({ id, data, selected }: NodeProps<StepNode>) {
  const { step, ports, dim, foot } = data;
  const { near, wake, coming } = useNear();
  return (
    <div {...coming} className={`cv-container cv-container--${step.type}${selected ? " is-selected" : ""}${dim ? " is-dim" : ""}${tone(step)}`} {...states(useAround(), id)}>
      {step.type !== "arm" && <In node={id} />}
      <div className="cv-container__head">
        <Icon name={step.type} />
        <Title step={step} />
        <Brief step={step} text={step.brief} />
        <Marks step={step} />
        <Fold step={step} folded={false} />
      </div>
      <Refusal step={step.id} />
      {foot !== undefined && <Still node={id} id={FOOT} type="target" className="cv-in" style={{ left: foot }} foot />}
      <Ports node={id} ports={ports} near={near} chosen={!!selected} wake={wake} />
    </div>
  );
}

function Mark({ id, data: { extra } }: NodeProps<ExtraNode>) {
  const out = extra.kind === "start" || extra.kind === "entry";
  return (
    <div className={`cv-mark cv-mark--${extra.kind}`} {...states(useAround(), id)}>
      {!out && <In node={id} />}
      {extra.kind === "start" && <Icon name="right" small />}
      {extra.kind === "round" && <Icon name="retry" small />}
      {extra.kind === "failed" && <Icon name="cross" small />}
      {extra.kind === "person" && <Icon name="person" small />}
      {extra.word}
      {out && <Handle type="source" id="start" position={Position.Bottom} isConnectable={extra.kind === "start"} />}
      {extra.kind === "start" && <Handle type="source" id="limits.on_breach" position={Position.Bottom} style={{ left: 12 }} className="cv-port cv-port--breach" title="where it goes when its limits are met" />}
    </div>
  );
}

/** Whether the pointer is over it, or a finger has touched a port of it. */
function useNear() {
  const [near, setNear] = useState<"" | "mouse" | "touch">("");
  const over = (event: PointerEvent, now: "" | "mouse") => event.pointerType !== "touch" && setNear(now);
  return { near, wake: (by: "mouse" | "touch") => setNear(by), coming: { onPointerEnter: (event: PointerEvent) => over(event, "mouse"), onPointerLeave: (event: PointerEvent) => over(event, "") } };
}

function In({ node }: { node: string }) {
  return <Still node={node} id="in" type="target" className="cv-in" />;
}

/* The library's handles listen to every move of the picture. Those that nobody can be about to drag are drawn without them. */
function Ports({ node, ports, near, chosen, wake }: { node: string; ports: Port[]; near: "" | "mouse" | "touch"; chosen: boolean; wake: (by: "mouse" | "touch") => void }) {
  const { writes } = useAround();
  return ports.map((port) => {
    const drawn = { id: port.route, style: { left: port.x - 1 }, title: port.label || (port.free ? "then" : undefined), className: `cv-port cv-port--${port.kind}${port.free ? " is-free" : ""}` };
    const draws = writes && !isUnwritten(port);
    const live = draws && (near !== "" || chosen);
    return (
      <Fragment key={port.route}>
        {(!live || near === "touch") && <Still node={node} type="source" {...drawn} wake={draws ? wake : undefined} />}
        {live && <Handle type="source" position={Position.Bottom} isConnectableEnd={false} {...drawn} />}
      </Fragment>
    );
  });
}

const isUnwritten = (port: Port) => port.route.startsWith(":");

interface StillProps { node: string; id: string; type: "source" | "target"; className: string; style?: { left: number }; title?: string; wake?: (by: "mouse" | "touch") => void; foot?: boolean }

/** Looks, and may be aimed at, like the library's own. Who is so fast that it was not yet exchanged for one starts from that. */
function Still({ node, id, type, className, style, title, wake, foot }: StillProps) {
  const side = type === "source" || foot ? "bottom" : "top";
  const ends = type === "target" ? " connectable connectableend" : "";
  const name = `1-${node}-${id}-${type}`;
  const start = (at: HTMLElement, by: "mouse" | "touch", event: () => Event) => {
    if (!wake) return;
    flushSync(() => wake(by));
    [...(at.parentElement?.querySelectorAll(`[data-id="${CSS.escape(name)}"]`) ?? [])].find((found) => found !== at)?.dispatchEvent(event());
  };
  const pressed = ({ nativeEvent, currentTarget }: MouseEvent<HTMLElement>) => {
    const parent = currentTarget.parentElement;
    if (!wake || !parent) return;
    flushSync(() => wake("mouse"));
    parent.querySelector(`[data-id="${CSS.escape(name)}"]`)?.dispatchEvent(new window.MouseEvent(nativeEvent.type, nativeEvent));
  };
  /* What a finger does is told to where it began, so that stays. */
  const touched = ({ nativeEvent, currentTarget }: TouchEvent<HTMLElement>) => {
    const [touches, targetTouches, changedTouches] = [nativeEvent.touches, nativeEvent.targetTouches, nativeEvent.changedTouches].map((list) => [...list]);
    start(currentTarget, "touch", () => new window.TouchEvent("touchstart", { bubbles: true, cancelable: true, touches, targetTouches, changedTouches }));
  };
  return <div onMouseDown={pressed} onTouchStart={touched} className={`react-flow__handle react-flow__handle-${side} nodrag nopan ${className} ${type}${ends}`} data-id={name} data-nodeid={node} data-handleid={id} data-handlepos={side} style={style} title={title} />;
}

function Title({ step }: { step: Step }) {
  const { titling, title } = useAround();
  const field = useRef<HTMLInputElement>(null);
  const editing = titling === step.id;
  useEffect(() => {
    if (!editing) return;
    field.current?.focus({ preventScroll: true });
    field.current?.select();
  }, [editing]);
  if (!editing) return <span className="cv-step__title" title={step.title}>{step.title}</span>;
  return (
    <input
      ref={field} className="cv-step__titling nodrag nokey" defaultValue={step.title} aria-label={`Title of ${step.id}`} maxLength={200}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") title(step.id, event.currentTarget.value);
        if (event.key === "Escape") title(step.id, null);
      }}
      onBlur={(event) => title(step.id, event.currentTarget.value)}
    />
  );
}

/** What it does; or, where child runs do it, how many of them stand how there. */
function Brief({ step, text }: { step: Step; text: string }) {
  const items = step.ran?.items ?? [];
  if (items.length === 0) return <span className="cv-step__brief" title={step.lead}>{text}</span>;
  return (
    <span className="cv-items" title={step.ran?.said ?? step.ran?.word}>
      {items.map((item) => <span key={item.word} className={`cv-item tone-${item.tone}`}><Icon name={item.icon} small />{item.number.toLocaleString("en")}</span>)}
    </span>
  );
}

/** What stands in the corner: how it went in a run, what it does to the world, what is wrong with it. */
function Marks({ step }: { step: Step }) {
  const worst = ["error", "warning", "info"].find((severity) => step.problems.some((problem) => problem.severity === severity));
  return (
    <span className="cv-marks">
      {step.note && <Note step={step} />}
      {step.ran && (!step.ran.items?.length || step.ran.said) && <span className={`cv-ran tone-${step.ran.tone}`} title={step.ran.word}>{step.ran.visits > 1 && <b>{step.ran.visits}×</b>}<Icon name={step.ran.icon} small /></span>}
      {!step.ran && step.tone === "person" && step.effect && <span className="cv-effect tone-person" title={step.effect}><Icon name="shield" small /></span>}
      {worst && <span className={`cv-problem cv-problem--${worst}`} title={step.problems.map((problem) => problem.message).join("\n")}><Icon name={worst} small />{step.problems.length > 1 && step.problems.length}</span>}
    </span>
  );
}

/** Says its text while it is pointed at or has the focus. */
function Note({ step }: { step: Step }) {
  const id = `cv-note-${step.id}`;
  const raise = ({ currentTarget: sign }: SyntheticEvent) => sign.closest(".react-flow__node")?.toggleAttribute("data-raised", sign.matches(":hover, :focus"));
  return (
    <span className="cv-note">
      <button
        type="button" className="cv-note__sign nodrag nokey" aria-label={`Note of ${step.title}`} aria-describedby={id}
        onPointerEnter={raise} onPointerLeave={raise} onFocus={raise} onBlur={raise}
        onKeyDown={(event) => event.key === "Escape" && event.currentTarget.closest<HTMLElement>(".react-flow__node")?.focus()}
      >
        <Icon name="document" small />
      </button>
      <span className="cv-note__text" role="tooltip" id={id}>{step.note}</span>
    </span>
  );
}

function Fold({ step, folded }: { step: Step; folded: boolean }) {
  const { fold } = useAround();
  return (
    <button
      type="button" className="cv-fold nodrag" aria-expanded={!folded} aria-label={`${folded ? "Unfold" : "Fold"} ${step.title}`} title={folded ? "Unfold (O)" : "Fold (O)"}
      onClick={(event) => { event.stopPropagation(); fold(step.id, !folded); }} onDoubleClick={(event) => event.stopPropagation()}
    >
      <Icon name={folded ? "plus" : "minus"} small />
    </button>
  );
}

function Refusal({ step }: { step: string }) {
  const { refused } = useAround();
  return refused?.step === step ? <p className="cv-refusal" role="alert"><Coded text={refused.message} /></p> : null;
}

const tone = (step: Step) => (step.ran ? ` has-run tone-${step.ran.tone}` : step.type === "end" ? ` tone-${step.tone}` : "");

function states({ legal, into }: { legal: ReadonlySet<string> | null; into: string }, id: string) {
  return { "data-legal": legal ? String(legal.has(id)) : undefined, "data-into": into === id ? "" : undefined };
}
