import type { Index } from "./graph";
import { Icon } from "./Icon";
import type { Told, Traced } from "./useErrorWays";

const MOST = 8;

/** In words where the errors go that are lit. */
export function ErrorWays({ index, traced, chosen, go }: { index: Index; traced: Traced; chosen: string; go: (step: string) => void }) {
  const { told } = traced;
  const one = told.length > 0 && told.every(({ step }) => step === told[0]?.step);
  const title = (step: string) => index.steps.get(step)?.title ?? "The whole run";
  return (
    <section className="cv-errors" aria-label="Where errors go">
      <div role="status">
        {told.length === 0 && <p>{chosen ? `${title(chosen)} can’t fail.` : "Choose a step, or point at a step or a line, to see where its errors go."}</p>}
        {one && <p><b>{title(told[0]?.step ?? "")}</b></p>}
        {told.length > 0 && (
          <ul>
            {told.slice(0, MOST).map(({ step, way }) => (
              <li key={`${step} ${way.words} ${way.to}`}>
                {!one && <><b>{title(step)}</b>{": "}</>}
                <span title={way.codes.join(", ")}>{way.words}</span> <Icon name="to" small /><span className="visually-hidden">go to</span> <End index={index} told={{ step, way }} go={go} />
              </li>
            ))}
            {told.length > MOST && <li>and {told.length - MOST} more</li>}
          </ul>
        )}
      </div>
    </section>
  );
}

function End({ index, told: { way }, go }: { index: Index; told: Told; go: (step: string) => void }) {
  if (!index.steps.has(way.to)) return <b className={way.to === index.graph.on_failure ? "tone-bad" : ""}>{way.ends}</b>;
  return <button type="button" className="cv-link" onClick={() => go(way.to)}>{way.ends}</button>;
}
