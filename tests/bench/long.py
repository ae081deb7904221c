"""Whether step 1,000 of a run costs what step 10 did, with 1 kB and with 100 kB of state that each step reads from."""

from tests.bench.floor import definition, floor
from tests.bench.table import middle, row
from tests.engine.publishing import publish

STEPS = 1_020


def main() -> None:
    text = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
    keep = {"id": "keep", "type": "set", "values": {"text": "${run.input.text}"}, "next": "again"}
    call = {"id": "call", "type": "tool", "tool": "nothing", "input": {"n": "${size(steps.keep.text)}"}}
    loop = {
        "id": "again", "type": "loop", "max": STEPS, "carry": {"n": 0}, "update": {"n": "${iter.index}"},
        "body": [call], "next": "done", "on_exhausted": "done",
    }  # fmt: skip
    publish(definition("long", keep, loop, input=text, limits={"steps": 3 * STEPS}))
    with floor() as engine:
        for size in (1_000, 100_000):
            engine.at = {}
            engine.time("long", 1, {"text": "x" * size})
            (at,) = engine.at.values()
            took = {seq: at[seq] - at[seq - 1] for seq in at if seq - 1 in at and at[seq] > at[seq - 1]}
            early, late = (middle([took[seq] for seq in took if low <= seq < low + 60]) for low in (5, STEPS - 65))
            name = f"step 1,000 beside step 10, {size // 1000} kB of state"
            row(name, f"{late / early:.2f}", f"{1000 * early:.2f} and {1000 * late:.2f} ms, medians of 60")
