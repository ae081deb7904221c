"""Durable steps a second, one run at a time and sixteen at once, beside plain commits measured before, between and after."""

import time
from collections import defaultdict

from tests.bench import plain
from tests.bench.floor import STEPS, chain, definition, floor
from tests.bench.table import middle, row
from tests.engine.publishing import publish

PURE = 200
ROUNDS = 5


def main() -> None:
    tool = {"type": "tool", "tool": "nothing", "input": {}}
    publish(definition("tools", *chain(lambda _: tool, STEPS)))
    publish(definition("pure", *chain(lambda i: {"type": "set", "values": {"n": i}}, PURE)))
    plain.prepare()
    found: dict[str, list[float]] = defaultdict(list)
    with floor() as engine:
        for workflow in ("tools", "pure"):
            engine.time(workflow, 4)
        for _ in range(ROUNDS):
            found["one"].append(plain.commits(1))
            began = time.perf_counter()
            engine.start_and_wait("tools", 5)
            found["single"].append(5 * STEPS / (time.perf_counter() - began))
            found["many"].append(plain.commits(16))
            engine.ours = engine.theirs = 0.0
            found["sixteen"].append(64 * STEPS / sum(engine.time("tools", 16) for _ in range(4)))
            found["ours"].append(1000 * engine.ours / (64 * STEPS))
            found["theirs"].append(1000 * engine.theirs / (64 * STEPS))
            found["pure"].append(PURE / engine.time("pure", 1))
            found["pure16"].append(16 * PURE / engine.time("pure", 16))
    told = {name: middle(values) for name, values in found.items()}
    row("plain commits, 1 connection", f"{told['one']:,.0f} /s")
    row("plain commits, 16 connections", f"{told['many']:,.0f} /s")
    beside = f"{told['single'] / told['one']:.2f} of plain; start of the run included"
    row("durable tool steps, one run at a time", f"{told['single']:,.0f} /s", beside)
    used = f"{told['ours']:.2f} ms of CPU a step, and {told['theirs']:.2f} of the database"
    row(
        "durable tool steps, 16 runs at once",
        f"{told['sixteen']:,.0f} /s",
        f"{told['sixteen'] / told['many']:.2f} of plain; {used}",
    )
    for name, key, tools in (("one run", "pure", "single"), ("16 runs at once", "pure16", "sixteen")):
        row(f"pure steps, {name}", f"{told[key]:,.0f} /s", f"{told[key] / told[tools]:.1f} times the tool steps")
