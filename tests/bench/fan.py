"""A fan-out of a thousand items beside a thousand runs of their own, and what ten thousand runs that wait cost by themselves."""

import threading
from datetime import timedelta

from django.db import connection

from orchestration.core import state
from orchestration.models import Run
from orchestration.record.clock import database_now
from tests.bench.floor import cpu, definition, floor
from tests.bench.table import middle, row
from tests.engine.publishing import publish

ITEMS = 1_000
WAITING = 10_000
ROUNDS = 3
IDLE = 10.0
"""Seconds for which nothing is due."""


def main() -> None:
    call = {"id": "call", "type": "tool", "tool": "nothing", "input": {}}
    each = {"id": "each", "type": "map", "over": "${run.input.items}", "max_items": ITEMS, "concurrency": 100, "body": [call]}
    items = {"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": {"type": "integer"}}}}
    publish(definition("fan", {**each, "next": "done"}, input=items))
    version = publish(definition("alone", {**call, "next": "done"}))
    with floor() as engine:
        engine.time("alone", 4)
        apart, together = [], []
        for _ in range(ROUNDS):
            apart.append(engine.time("alone", ITEMS))
            together.append(engine.time("fan", 1, {"items": list(range(ITEMS))}, ends=ITEMS + 1))
        took = middle(together)
        beside = f"{took / middle(apart):.2f} of {ITEMS:,} runs of their own"
        row(f"fan-out of {ITEMS:,} items, 100 at once", f"{took:.2f} s", f"{ITEMS / took:,.0f} items/s, {beside}")
        before = _idle()
        now = database_now()
        rest = {"status": "waiting", "wait": "person", "due": now + timedelta(days=30), "created": now, "created_by": "bench"}
        rest |= {"workflow_id": "alone", "version": version, "input": "{}", "state_hash": state.start({}).hash, "started": now}
        Run.objects.bulk_create([Run(**rest) for _ in range(WAITING)])
        after = _idle()
        Run.objects.filter(workflow_id="alone", status="waiting").delete()
        note = f"of CPU a second, worker and database; {1000 * before:.1f} ms with none"
        row(f"{WAITING:,} runs that wait, at rest", f"{1000 * after:.1f} ms", note)


def _idle() -> float:
    """Seconds of CPU that a second takes while nothing is due."""
    connection.close()
    threading.Event().wait(2.0)  # what was done before is over
    began = sum(cpu())
    connection.close()
    threading.Event().wait(IDLE)
    return (sum(cpu()) - began) / IDLE
