"""From a client's request over HTTP to the first step's call at its tool: through the web process, the database, the broker, a
worker, and the intent that is committed before the call leaves."""

import time

from tests.bench.floor import definition
from tests.bench.processes import PATIENCE, site
from tests.bench.table import middle, row
from tests.engine.publishing import publish

RUNS = 150
BEFORE = 15


def main() -> None:
    with site() as there, there.client() as client:
        call = {"id": "call", "type": "tool", "tool": "nothing", "input": {}, "next": "done"}
        publish(definition("first", call, tools={"nothing": there.tools.definition()}))
        first, answered = [], []
        there.tools.open(RUNS + BEFORE)
        for number in range(RUNS + BEFORE):
            began, at = time.perf_counter(), time.time()
            client.post("/workflows/first/runs", json={"input": {}}).raise_for_status()
            took = time.perf_counter() - began
            came = there.tools.came.get(timeout=PATIENCE)
            if number >= BEFORE:
                answered.append(1000 * took)
                first.append(1000 * (came - at))
    note = f"p95 {middle(first, 0.95):.1f}; the start is answered in {middle(answered):.1f} ms"
    row("from submit to the first step's call", f"{middle(first):.1f} ms", note)
