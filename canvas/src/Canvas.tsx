import {
  Background, ConnectionLineType, type Connection, type EdgeChange, type NodeChange, ReactFlow, SelectionMode, applyNodeChanges, applyEdgeChanges, useReactFlow, useStore,
} from "@xyflow/react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Connect, Rename, Tool } from "./Ask";
import { Bar, Selected } from "./Bar";
import { copy, pasted } from "./clipboard";
import { Around, type Surroundings } from "./context";
import { edgeTypes } from "./edges";
import { ErrorWays } from "./ErrorWays";
import { type AnyNode, type Way, flowOf } from "./flow";
import { type Graph, Index, START, isFixed, legalTargets, renamed, targetOf } from "./graph";
import { place } from "./layout";
import { Notices } from "./Notices";
import { nodeTypes } from "./nodes";
import { Overview } from "./Overview";
import { Palette } from "./Palette";
import { aligned, neighbour, outermost } from "./selection";
import type { Command } from "./server";
import { useAdding } from "./useAdding";
import { useDraft } from "./useDraft";
import { useErrorWays } from "./useErrorWays";
import { type Drop, type NewStep, useDropping } from "./useDropping";
import { useFinger } from "./useFinger";
import { useKeys } from "./useKeys";
import { useNudging } from "./useNudging";
import { useViewport } from "./useViewport";

type Asked = { kind: "rename" | "connect"; step: string } | { kind: "tool"; begin: (step: NewStep) => void };

const KEYS = ["Shift", "Meta", "Control"];

export function Canvas({ element, first }: { element: HTMLElement; first: Graph }) {
  const named = (name: string) => element.getAttribute(name) ?? "";
  const writes = element.hasAttribute("commands");
  const runs = first.visited !== undefined;
  const fire = useCallback((name: string, detail: unknown) => element.dispatchEvent(new CustomEvent(name, { detail, bubbles: true })), [element]);
  const doors = useMemo(() => ({ graph: named("graph"), commands: named("commands"), undo: named("undo"), redo: named("redo"), token: named("token") }), [element]);
  const standing = useMemo(() => ({ undo: named("undoes") || null, redo: named("redoes") || null }), [element]);
  const changed = useCallback((revision: number) => fire("draft:changed", { revision, by: "canvas" }), [fire]);
  const draft = useDraft(first, doors, standing, changed);
  const { graph, tell } = draft;

  const index = useMemo(() => new Index(graph), [graph]);
  const [unfolded, setUnfolded] = useState<Record<string, boolean>>({});
  const folded = useMemo(() => new Set(graph.steps.filter((step) => unfolded[step.id] ?? step.folded).map((step) => step.id)), [graph, unfolded]);
  const [picked, setPicked] = useState<string[]>([named("selected")].filter((id) => index.steps.has(id)));
  const only = picked.length === 1 ? (picked[0] as string) : "";
  const errors = useErrorWays(index, only);
  const placed = useMemo(() => place(index, folded, errors.on), [index, folded, errors.on]);
  const flow = useMemo(() => flowOf(index, placed, folded, writes, errors.on), [index, placed, folded, writes, errors.on]);

  const [nodes, setNodes] = useState<AnyNode[]>(() => chosen(flow.nodes, [named("selected")]));
  const [edges, setEdges] = useState<Way[]>(flow.edges);
  const { nudge, settle } = useNudging(placed, setNodes, draft.send);
  const send = useCallback((commands: Command[]) => {
    settle();
    return draft.send(commands);
  }, [draft.send, settle]);
  const [apart, setApart] = useState(true);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [legal, setLegal] = useState<ReadonlySet<string> | null>(null);
  const [titling, setTitling] = useState<string | null>(null);
  const [hunt, setHunt] = useState<{ text: string; at: number } | null>(null);
  const [touched, setTouched] = useState<{ steps: string[]; before: Graph } | null>(null); // by what was undone or done again
  const was = useRef(""); // what is chosen was called, where it is called something else by now
  const left = useRef(false); // somebody chose nothing, by a click beside everything or by Escape
  const { fitView, getInternalNode } = useReactFlow<AnyNode, Way>();
  const pane = useRef<HTMLDivElement>(null);

  const wanted = useRef<string[] | null>(null);
  useEffect(() => setNodes((now) => chosen(flow.nodes, wanted.current ?? now.filter((node) => node.selected).map((node) => node.id))), [flow]);
  const { traced } = errors;
  useEffect(() => setEdges(flow.edges.map((edge) => ({ ...edge, hidden: !apart && !errors.on && (edge.className?.includes("is-apart") ?? false) }))), [flow, apart, errors.on]);
  useEffect(() => {
    setEdges((now) => now.map((edge) => lit(edge, traced.lines)));
    setNodes((now) => now.map((node) => lit(node, traced.nodes)));
  }, [flow, apart, traced]);

  const corner = useCallback((id: string) => getInternalNode(id)?.internals.positionAbsolute ?? { x: 0, y: 0 }, [getInternalNode]);
  const { started, bring, begin, full } = useViewport(nodes, pane, runs);
  const far = useStore((store) => store.transform[2] < FAR);

  const select = useCallback((ids: string[]) => {
    wanted.current = ids; // it may not be drawn yet
    setNodes((now) => chosen(now, ids));
    setEdges((now) => (now.some((edge) => edge.selected) ? now.map((edge) => (edge.selected ? { ...edge, selected: false } : edge)) : now));
    setPicked(ids);
  }, []);
  const picks = useCallback(({ nodes: now }: { nodes: AnyNode[] }) => {
    if (wanted.current?.some((id) => !getInternalNode(id))) return;
    const ids = now.map((node) => node.id);
    wanted.current = null;
    setPicked((before) => (before.length === ids.length && ids.every((id, at) => id === before[at]) ? before : ids));
  }, [getInternalNode]);
  /** What somebody chooses holds for the very next key, and before what the page was about to choose. */
  const heedNodes = useCallback((changes: NodeChange<AnyNode>[]) => {
    const turned = new Map(changes.flatMap((change) => (change.type === "select" ? [[change.id, change.selected] as const] : [])));
    if (turned.size > 0) {
      wanted.current = null;
      setPicked((before) => [...before.filter((id) => turned.get(id) !== false), ...[...turned].filter(([id, on]) => on && !before.includes(id)).map(([id]) => id)]);
    }
    setNodes((now) => applyNodeChanges(changes, now));
  }, []);
  const focus = useCallback((id: string) => element.querySelector<HTMLElement>(`.react-flow__node[data-id="${CSS.escape(id)}"]`)?.focus({ preventScroll: true }), [element]);
  const reveal = useCallback((id: string, given = false) => {
    const open = index.around(id).filter((container) => container && folded.has(container));
    if (open.length > 0) setUnfolded((now) => ({ ...now, ...Object.fromEntries(open.map((container) => [container, false])) }));
    let tries = 60;
    const when = () => {
      if (!getInternalNode(id)) return tries-- > 0 && requestAnimationFrame(when); // it is about to be drawn
      bring(id);
      if (given) requestAnimationFrame(() => requestAnimationFrame(() => focus(id)));
    };
    requestAnimationFrame(when);
  }, [bring, focus, folded, getInternalNode, index]);
  const show = useCallback((id: string, given = true) => {
    select([id]);
    reveal(id, given);
  }, [reveal, select]);
  useFinger(pane, useCallback((id) => select([id]), [select]));

  useEffect(() => {
    const first = named("selected");
    if (started && index.steps.has(first)) show(first, false);
  }, [started]);

  const perform = useCallback(async (commands: Command[]) => {
    const touched = await send(commands);
    const [pasted, added] = ["paste", "add"].map((verb) => commands.some((command) => command.do === verb));
    const made = touched?.filter(Boolean).slice(0, pasted ? undefined : 1) ?? [];
    if (made[0] && (pasted || added)) {
      select(made);
      reveal(made[0], true);
    }
    return touched;
  }, [reveal, select, send]);
  const turn = useCallback(async (way: "undo" | "redo") => {
    settle();
    const touched = await draft.turn(way);
    if (touched) setTouched({ steps: touched, before: graph });
  }, [draft.turn, graph, settle]);

  // What is chosen stays so whatever it is called by now, and what was undone is shown.
  const before = useRef(graph);
  useEffect(() => {
    const now = (id: string) => (index.steps.has(id) ? id : renamed(before.current, graph, id));
    const ids = picked.map(now).filter((id): id is string => id !== null);
    if (ids.some((id, at) => id !== picked[at])) {
      was.current = only;
      select(ids);
    }
    before.current = graph;
    if (!touched) return;
    const there = new Set(touched.before.steps.map((step) => step.id));
    const seen = graph.steps.find((step) => !there.has(step.id))?.id ?? touched.steps.find((id) => index.steps.has(id)); // what came back, else what changed
    if (seen) reveal(seen);
    setTouched(null);
  }, [graph, touched]);

  // What is chosen is told to the page, which shows its panel.
  const told = useRef("");
  useEffect(() => {
    if (told.current !== only) fire("canvas:select", { step: only, ...chooses(index, only), left: left.current && picked.length === 0, was: was.current });
    told.current = only;
    [was.current, left.current] = ["", false];
  }, [fire, index, only, picked]);
  useEffect(() => {
    const drawing = pane.current?.querySelector(".cv-pane");
    if (!drawing) return;
    const portrait = matchMedia("(orientation: portrait)");
    const sizeOf = () => ({ width: drawing.clientWidth, height: drawing.clientHeight, portrait: portrait.matches });
    let before = sizeOf();
    const seen = new ResizeObserver(() => {
      const now = sizeOf();
      const moving = drawing.querySelector(".react-flow__node.dragging, .react-flow__connection");
      const turned = now.portrait !== before.portrait;
      if (only && !moving && (turned || now.width < before.width || now.height < before.height)) bring(only); // its panel has come to stand beside it
      else if (turned && started) begin();
      before = now;
    });
    seen.observe(drawing);
    return () => seen.disconnect();
  }, [begin, bring, only, started]);
  useEffect(() => {
    const fresh = (event: Event) => {
      const { revision, by } = (event as CustomEvent<{ revision?: number; by?: string }>).detail ?? {};
      if (by !== "canvas") void draft.follow(revision);
    };
    const elsewhere = (event: Event) => void draft.refresh((event as CustomEvent<{ revision: number }>).detail.revision);
    const point = (event: Event) => {
      const { step } = (event as CustomEvent<{ step: string }>).detail;
      if (index.steps.has(step)) show(step);
      else select([]);
    };
    const asked = (event: Event) => {
      const { detail } = event as CustomEvent<{ commands: Command[]; ended: Promise<unknown> | null }>;
      if (writes) detail.ended = perform(detail.commands);
    };
    const again = (event: Event) => void draft.refresh((event as CustomEvent<{ revision?: number }>).detail?.revision);
    document.addEventListener("draft:changed", fresh);
    document.addEventListener("draft:elsewhere", elsewhere);
    document.addEventListener("canvas:show", point);
    document.addEventListener("canvas:perform", asked);
    element.addEventListener("canvas:refresh", again);
    return () => {
      document.removeEventListener("draft:changed", fresh);
      document.removeEventListener("draft:elsewhere", elsewhere);
      document.removeEventListener("canvas:show", point);
      document.removeEventListener("canvas:perform", asked);
      element.removeEventListener("canvas:refresh", again);
    };
  }, [draft.follow, draft.refresh, element, index, perform, select, show, writes]);

  const fold = useCallback((step: string, shut: boolean) => {
    setUnfolded((now) => ({ ...now, [step]: shut }));
    if (writes) void send([{ do: "arrange", folded: { [step]: shut } }]);
  }, [send, writes]);
  const title = useCallback((step: string, words: string | null) => {
    setTitling(null);
    if (words !== null && words.trim() && words.trim() !== index.steps.get(step)?.title) void perform([{ do: "set", step, key: "title", value: words.trim() }]);
    requestAnimationFrame(() => focus(step));
  }, [focus, index, perform]);

  /** A tool is asked for where there are several; where there is none, the step that is added says so. */
  const choosing = (type: string, begin: (step: NewStep) => void) => {
    const tools = graph.tools ?? [];
    if (type === "tool" && tools.length > 1) setAsked({ kind: "tool", begin });
    else begin(type === "tool" && tools[0] ? { type, tool: tools[0][0] } : { type });
  };

  const adding = useAdding({ index, only, perform, choosing, focus });
  const { insert } = adding;
  const dropping = useDropping({ index, nodes, corner, writes, perform, choosing });
  const lead = (connection: Connection, route?: { step: string; route: string }) => {
    if (!connection.target) return;
    const from = route ?? { step: connection.source === START ? "" : connection.source, route: connection.sourceHandle ?? "next" };
    void perform([{ do: "connect", ...from, to: targetOf(connection.target) }]);
  };
  const light = (node: string, route: string) => setLegal(legalTargets(index, node === START ? "" : node, route));
  const removing = useRef(""); // what is on its way is not removed once more
  const remove = () => {
    const cut = edges.filter((edge) => edge.selected && edge.data && !isFixed(edge.data.line.kind) && edge.data.line.kind !== "round");
    const gone = outermost(index, picked);
    const commands: Command[] = gone.length > 0 ? [{ do: "remove", steps: gone }] : cut.map((edge) => ({ do: "disconnect", step: edge.data?.line.step, route: edge.data?.line.route }));
    const what = JSON.stringify(commands);
    if (!writes || commands.length === 0 || what === removing.current) return;
    removing.current = what;
    void perform(commands).finally(() => { if (removing.current === what) removing.current = ""; });
  };
  const copied = async () => {
    if (picked.length === 0 || !named("copy")) return;
    const wrong = await copy(named("copy"), outermost(index, picked));
    tell(wrong ? { tone: "bad", message: wrong, lines: [] } : null);
    if (!wrong) setSaidHere(`Copied ${picked.length === 1 ? title_(index, only) : `${picked.length} steps`}`);
  };
  const [saidHere, setSaidHere] = useState("");
  const paste = (text: string) => {
    const command = writes ? pasted(text, only && nodes.some((node) => node.id === only && node.type === "container") && index.steps.get(only)?.type !== "parallel" ? only : index.steps.get(only)?.parent ?? "") : null;
    if (command) void perform([command]);
    else if (writes) tell({ tone: "bad", message: "What was pasted holds no steps, or is larger than 5 MB, so nothing was done. Copy steps in a canvas, and paste them here.", lines: [] });
  };
  useKeys(element, {
    undo: () => writes && void turn("undo"), redo: () => writes && void turn("redo"), copy: () => void copied(), paste, all: () => select(index.graph.steps.map((step) => step.id)), remove,
    nudge: (way) => writes && picked.length > 0 && nudge(outermost(index, picked), way),
    title: () => writes && only && setTitling(only),
    open: () => only && fire("canvas:select", { step: only, ...chooses(index, only), open: true }),
    go: (way) => { const next = only ? neighbour(index, nodes, corner, only, way) : index.graph.start; if (next) show(next); },
    fold: () => only && index.inside.has(only) && fold(only, !folded.has(only)),
    leave: () => { adding.close(); tell(null); if (picked.length > 0) { left.current = true; select([]); } },
  });

  const found = useMemo(() => {
    const words = hunt?.text.trim().toLowerCase();
    return words ? index.graph.steps.filter((step) => `${step.title} ${step.id} ${step.word} ${step.brief}`.toLowerCase().includes(words)).map((step) => step.id) : [];
  }, [hunt?.text, index]);
  const search = (text: string, on: boolean) => {
    const same = hunt?.text === text && on;
    const at = same && found.length > 0 ? (hunt.at + (document.activeElement && picked[0] === found[hunt.at] ? 1 : 0)) % found.length : 0;
    setHunt(text.trim() ? { text, at } : null);
    if (on && found[at]) show(found[at], false);
  };

  const around = useMemo<Surroundings>(() => ({ icons: named("icons"), writes, legal, line: dropping.line || adding.line, into: dropping.into, titling, refused: draft.refused, fold, title, insert }),
    [element, writes, legal, dropping.line, adding.line, dropping.into, titling, draft.refused, fold, title, insert]);
  const oneLevel = picked.length > 1 && new Set(picked.map((id) => index.steps.get(id)?.parent)).size === 1;
  const bar = {
    writes, runs, turns: draft.turns, apart: apart || errors.on, errors: !runs && graph.steps.some((step) => step.errors.length > 0) ? errors : null, found: hunt ? { at: hunt.at, of: found.length } : null, selected: picked.length, oneLevel,
    add: adding.open, turn: (way: "undo" | "redo") => void turn(way),
    fit: () => void fitView({ padding: 0.06, maxZoom: 1 }), arrange: () => void send([{ do: "arrange", forget: true }]), toggleApart: () => setApart(!apart), search,
    connect: () => setAsked({ kind: "connect", step: only }), title: () => setTitling(only), rename: () => setAsked({ kind: "rename", step: only }),
    copy: () => void copied(), remove, align: (how: "left" | "middle" | "top" | "spread") => void send(aligned(index, placed, picked, how)),
    open: () => fire("canvas:select", { step: only, open: true }),
  };

  return (
    <Around value={around}>
      <div className={`cv${writes ? " cv--writes" : ""}${adding.docked.open ? " cv--adds" : ""}${runs ? " cv--run" : ""}${legal ? " is-connecting" : ""}${far ? " is-far" : ""}${traced.lines.size > 0 ? " is-tracing" : ""}`} ref={pane} data-ready={started ? "" : undefined}>
        <Bar {...bar} />
        {writes && <Palette {...adding.palette} {...adding.docked} arm={index.steps.get(only)?.type === "parallel"} />}
        <div className="cv-pane">
          <ReactFlow<AnyNode, Way>
            nodes={nodes} edges={edges} nodeTypes={nodeTypes} edgeTypes={edgeTypes} onlyRenderVisibleElements elevateNodesOnSelect={false}
            minZoom={0.05} maxZoom={2} proOptions={QUIET} disableKeyboardA11y deleteKeyCode={null} zoomOnDoubleClick={false} selectionMode={SelectionMode.Partial} multiSelectionKeyCode={KEYS}
            panOnScroll={!runs} zoomOnScroll={false} preventScrolling={!runs} nodesConnectable={writes} nodesDraggable={writes} connectionRadius={28} connectionLineType={ConnectionLineType.Bezier} nodeDragThreshold={4}
            onNodesChange={heedNodes}
            onEdgesChange={(changes: EdgeChange<Way>[]) => setEdges((now) => applyEdgeChanges(changes, now))}
            onSelectionChange={picks}
            onPaneClick={() => { left.current = only !== ""; }}
            onNodeDoubleClick={(_, node) => writes && node.type !== "extra" && setTitling(node.id)}
            isValidConnection={(connection) => legal?.has(connection.target ?? "") ?? false}
            onConnectStart={(_, { nodeId, handleId }) => nodeId && light(nodeId, handleId ?? "next")}
            onConnect={(connection) => lead(connection)}
            onConnectEnd={(event, state) => {
              setLegal(null);
              const { clientX: x, clientY: y } = "changedTouches" in event ? event.changedTouches[0] as Touch : event;
              const dropped = document.elementFromPoint(x, y)?.classList.contains("react-flow__pane");
              if (!state.toNode && state.fromNode && dropped) insert(state.fromNode.id === START ? "" : state.fromNode.id, state.fromHandle?.id ?? "next", index.steps.get(state.fromNode.id)?.parent ?? "", { x, y });
            }}
            onReconnectStart={(_, edge) => light(edge.source, edge.sourceHandle ?? "next")}
            onReconnect={(edge, connection) => edge.data && lead(connection, { step: edge.data.line.step, route: edge.data.line.route })}
            onReconnectEnd={() => setLegal(null)}
            {...(dropping.handlers as Drop)} {...errors.handlers}
          >
            <Background gap={20} size={1} />
            <Overview nodes={flow.nodes} full={full} fit={bar.fit} />
          </ReactFlow>
          {graph.steps.length === 0 && <p className="cv-empty">There is no step yet.</p>}
          {adding.at && <Palette {...adding.palette} key={`${adding.at.x} ${adding.at.y}`} at={adding.at} arm={false} open focus={1} />}
          <Notices notice={draft.notice} close={() => tell(null)} />
        </div>
        {errors.on && <ErrorWays index={index} traced={traced} chosen={only} go={show} />}
        <Selected {...bar} named={picked.length === 1 ? title_(index, only) : `${picked.length} steps`} />
        <p className="visually-hidden" role="status">{saidHere || draft.said}</p>
        {asked?.kind === "rename" && <Rename id={asked.step} close={() => setAsked(null)} rename={(to) => void perform([{ do: "rename", kind: "step", id: asked.step, to }])} />}
        {asked?.kind === "tool" && <Tool tools={graph.tools ?? []} close={() => setAsked(null)} choose={(tool) => asked.begin({ type: "tool", tool })} />}
        {asked?.kind === "connect" && <Connect index={index} step={asked.step} close={() => setAsked(null)} named={(node) => index.steps.get(node)?.title ?? placed.extras.find((extra) => extra.id === node)?.word ?? ENDS[targetOf(node)] ?? node} connect={(route, to) => void perform([{ do: "connect", step: asked.step, route, to }])} />}
      </div>
    </Around>
  );
}

const FAR = 0.35; // from there on nothing can be read, and none of it is painted
const QUIET = { hideAttribution: true };
const ENDS: Record<string, string> = { break: "Leave the loop", continue: "The end of the round" };
const title_ = (index: Index, id: string) => index.steps.get(id)?.title ?? "the start";

/** What a step of a run leads to on its page. */
function chooses(index: Index, id: string) {
  const { select = "", lanes } = index.steps.get(id)?.ran ?? {};
  return { select, lanes };
}

function chosen(nodes: AnyNode[], ids: string[]): AnyNode[] {
  return nodes.map((node) => (!!node.selected === ids.includes(node.id) ? node : { ...node, selected: ids.includes(node.id) }));
}

/** `is-lit` where its id is among those that are lit. */
function lit<T extends { id: string; className?: string }>(one: T, ids: ReadonlySet<string>): T {
  const was = one.className?.endsWith(LIT) ?? false;
  if (was === ids.has(one.id)) return one;
  return { ...one, className: was ? one.className?.slice(0, -LIT.length) : `${one.className ?? ""}${LIT}` };
}
const LIT = " is-lit";
