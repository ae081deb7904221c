import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { type Index, legalTargets, targetOf } from "./graph";

interface DialogProps { title: string; done: string; submit: () => void; close: () => void; children: ReactNode }

function Dialog({ title, done, submit, close, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const send = (event: FormEvent) => {
    event.preventDefault();
    submit();
    close();
  };
  return (
    <dialog ref={dialog} aria-label={title} onClose={close}>
      <form onSubmit={send}>
        <div className="dialog__head"><h2>{title}</h2></div>
        <div className="dialog__body">{children}</div>
        <div className="dialog__foot">
          <button type="button" className="button" onClick={close}>Not now</button>
          <button type="submit" className="button button--primary">{done}</button>
        </div>
      </form>
    </dialog>
  );
}

/** Another id for a step, in all that names it. */
export function Rename({ id, rename, close }: { id: string; rename: (to: string) => void; close: () => void }) {
  const [to, setTo] = useState(id);
  return (
    <Dialog title={`Rename ${id}`} done="Rename it" submit={() => to !== id && rename(to)} close={close}>
      <div className="field">
        <label htmlFor="cv-id">Id</label>
        <input id="cv-id" value={to} onChange={(event) => setTo(event.target.value)} pattern="[a-z][a-z0-9_]{0,47}" required autoComplete="off" spellCheck={false} aria-describedby="cv-id-hint" />
        <div className="field__hint" id="cv-id-hint">a-z first, then a-z, 0-9 and _. All routes, expressions and conditions that name it are rewritten.</div>
      </div>
    </Dialog>
  );
}

/** Which of the tools a new step is to call. */
export function Tool({ tools, choose, close }: { tools: [string, string][]; choose: (tool: string) => void; close: () => void }) {
  const [tool, setTool] = useState(tools[0]?.[0] ?? "");
  return (
    <Dialog title="Which tool does it call?" done="Add the step" submit={() => choose(tool)} close={close}>
      <div className="field"><label htmlFor="cv-tool">Tool</label><select id="cv-tool" value={tool} onChange={(event) => setTool(event.target.value)}>{tools.map(([name, title]) => <option key={name} value={name}>{title === name ? name : `${title} (${name})`}</option>)}</select></div>
    </Dialog>
  );
}

interface ConnectProps { index: Index; step: string; named: (node: string) => string; connect: (route: string, to: string) => void; close: () => void }

/** A route chosen from lists, for who does not drag: the same ends are offered that would light up. */
export function Connect({ index, step, named, connect, close }: ConnectProps) {
  const found = index.steps.get(step);
  const routes = [
    ...(found?.routes ?? []).map((route) => [route.route, `${route.label || "then"}, now to ${index.steps.get(route.to)?.title ?? route.to}`] as const),
    ...(found?.free ?? []).map((free) => [free.route, `${free.label}, anew`] as const),
  ];
  const [route, setRoute] = useState(routes.find(([name]) => name === "next")?.[0] ?? routes[0]?.[0] ?? "");
  const legal = [...legalTargets(index, step, route)];
  const [to, setTo] = useState("");
  const chosen = legal.includes(to) ? to : legal[0] ?? "";
  return (
    <Dialog title={`Lead ${found?.title ?? step} on`} done="Connect" submit={() => chosen && connect(route, targetOf(chosen))} close={close}>
      <div className="field"><label htmlFor="cv-route">When</label><select id="cv-route" value={route} onChange={(event) => setRoute(event.target.value)}>{routes.map(([name, words]) => <option key={name} value={name}>{words}</option>)}</select></div>
      <div className="field"><label htmlFor="cv-to">To</label><select id="cv-to" value={chosen} onChange={(event) => setTo(event.target.value)}>{legal.map((node) => <option key={node} value={node}>{named(node)}</option>)}</select>{legal.length === 0 && <div className="field__hint">There is no step on its level that it could lead to without a circle.</div>}</div>
    </Dialog>
  );
}
