import { BaseEdge, getSmoothStepPath, type EdgeProps } from "@xyflow/react";
import { memo } from "react";
import { useAround } from "./context";
import type { Way } from "./flow";
import { APART, takesSteps } from "./graph";
import { LABEL, type Point } from "./layout";

export const edgeTypes = { way: memo(WayEdge) };

/** One route. It goes where the layout found room for it, as long as both its ends are where they were then. */
function WayEdge({ id, data, sourceX, sourceY, targetX, targetY, selected, markerEnd, sourcePosition, targetPosition }: EdgeProps<Way>) {
  const { writes, insert, line: taking } = useAround();
  if (!data) return null;
  const { line, way, label, ends } = data;
  const stands = way !== null && near(ends[0], sourceX, sourceY) && near(ends[1], targetX, targetY);
  const [straight, x, y] = getSmoothStepPath({ sourceX, sourceY, sourcePosition, targetX, targetY, targetPosition, borderRadius: 14 });
  const points = [{ x: sourceX, y: sourceY }, ...(way ?? []), { x: targetX, y: targetY }];
  const path = !stands ? straight : line.lane ? alongLane(points) : through(points);
  const middle = !stands ? { x, y } : middleOf(points);
  const at = stands && label ? label : middle;
  const plus = line.label ? { x: at.x, y: at.y + LABEL.height } : middle;
  return (
    <>
      <BaseEdge id={id} className={id === taking ? "is-taking" : undefined} path={path} markerEnd={markerEnd} interactionWidth={18} />
      {line.label && !(line.lane && stands && APART.has(line.kind)) && <Label text={line.label} at={at} />}
      {writes && takesSteps(line.kind) && (
        <g className={`cv-insert${selected ? " is-shown" : ""}${id === taking ? " is-taking" : ""}`} transform={`translate(${plus.x} ${plus.y})`} onClick={(event) => { event.stopPropagation(); insert(line.step, line.route, line.level, { x: event.clientX, y: event.clientY }); }}>
          <title>Insert a step here</title>
          <circle r="10" />
          <path d="M-4 0h8M0-4v8" />
        </g>
      )}
    </>
  );
}

function Label({ text, at }: { text: string; at: Point }) {
  const fits = Math.floor((LABEL.most - 14) / LABEL.character);
  const shown = text.length > fits ? `${text.slice(0, fits - 1)}…` : text;
  const width = shown.length * LABEL.character + 14;
  return (
    <g className="cv-label" transform={`translate(${at.x} ${at.y})`}>
      <title>{text}</title>
      <rect x={-width / 2} y={-LABEL.height / 2} width={width} height={LABEL.height} rx="4" />
      <text textAnchor="middle" dy="0.34em">{shown}</text>
    </g>
  );
}

const near = (point: Point, x: number, y: number) => Math.abs(point.x - x) < 8 && Math.abs(point.y - y) < 12;

/** Upright at each point, as water falls. */
function through(points: Point[]): string {
  const [first, ...rest] = points as [Point, ...Point[]];
  let path = `M${first.x} ${first.y}`;
  let last = first;
  for (const point of rest) {
    const half = (last.y + point.y) / 2;
    path += last.x === point.x ? `V${point.y}` : `C${last.x} ${half} ${point.x} ${half} ${point.x} ${point.y}`;
    last = point;
  }
  return path;
}

const ROUND = 8;

/** Down, over to the lane, along it, over to where it leads, and in: with round corners. */
function alongLane([start, out, back, end]: Point[]): string {
  if (!start || !out || !back || !end) return "";
  const corners = [{ x: start.x, y: out.y }, out, back, { x: end.x, y: back.y }];
  let path = `M${start.x} ${start.y}`;
  let last = start;
  corners.forEach((corner, at) => {
    const next = corners[at + 1] ?? end;
    const [before, after] = [towards(corner, last), towards(corner, next)];
    path += `L${before.x} ${before.y}Q${corner.x} ${corner.y} ${after.x} ${after.y}`;
    last = corner;
  });
  return `${path}L${end.x} ${end.y}`;
}

function towards(from: Point, to: Point): Point {
  const far = Math.hypot(to.x - from.x, to.y - from.y);
  const part = far === 0 ? 0 : Math.min(ROUND, far / 2) / far;
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
}

function middleOf(points: Point[]): Point {
  const spot = (points.length - 1) / 2;
  const [a, b] = [points[Math.floor(spot)] as Point, points[Math.ceil(spot)] as Point];
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}
