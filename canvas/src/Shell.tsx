import { ReactFlowProvider } from "@xyflow/react";
import { useEffect, useState } from "react";
import { Canvas } from "./Canvas";
import type { Graph } from "./graph";
import { fetchGraph } from "./server";

/** Until the graph is there, and where it does not come. */
export function Shell({ element }: { element: HTMLElement }) {
  const [graph, setGraph] = useState<Graph | null>(null);
  const [wrong, setWrong] = useState("");
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let wanted = true;
    fetchGraph(element.getAttribute("graph") ?? "").then((found) => wanted && setGraph(found), (error: Error) => wanted && setWrong(error.message || "The server did not answer."));
    return () => { wanted = false; };
  }, [element, tries]);
  if (graph) return <ReactFlowProvider><Canvas element={element} first={graph} /></ReactFlowProvider>;
  if (!wrong) return <p className="cv-empty" role="status">Drawing …</p>;
  return (
    <div className="cv-empty" role="alert">
      <p>{wrong}</p>
      <button type="button" className="button" onClick={() => { setWrong(""); setTries(tries + 1); }}>Try again</button>
    </div>
  );
}
