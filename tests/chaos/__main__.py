"""`python -m tests.chaos [--seconds 90 | --minutes M] [--seed N]`: see `tests/chaos/__init__.py`."""

import argparse
import secrets
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

import httpx

from tests.chaos import judge, report, schedule
from tests.chaos.database import refusals
from tests.chaos.faults import Faults
from tests.chaos.generator import definition
from tests.chaos.traffic import Client, Person
from tests.chaos.world import World, folder

WORKFLOWS = 12
CLIENTS = 3
SHORT = 120.0
"""Seconds up to which a run is of the short form."""
REST = 90.0
"""Seconds after which whatever has not ended is given up."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seconds", type=float, default=90.0)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--logs", type=Path, help="a folder in which the logs of all processes are kept")
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else secrets.randbelow(1_000_000)
    print(f"Chaos with seed {seed} …", flush=True)
    with folder() as place:
        told = run(seed, args.minutes * 60.0 if args.minutes else args.seconds, place)
        if args.logs:
            shutil.copytree(place, args.logs, dirs_exist_ok=True)
    print("\n".join(report.lines(told)), flush=True)
    return told.code


def run(seed: int, seconds: float, place: Path) -> report.Outcome:
    began = time.monotonic()
    with World(seed, place) as world:
        publish(world)
        clients = [Client(world, WORKFLOWS, n, CLIENTS, 0.3) for n in range(CLIENTS)]
        person = Person(world)
        people = [*clients, person]
        for each in people:
            each.start()
        faults = Faults(world, lambda: sum(each.counts["requests unanswered"] for each in people))
        ready = time.monotonic() - began
        if seconds <= SHORT:
            schedule.short(faults)
        else:
            schedule.long(faults, seconds - ready, seed)
        broken = time.monotonic() - began - ready
        world.heal()
        for client in clients:
            client.over.set()
        for client in clients:
            client.join()
        known = {number: run for client in clients for number, run in client.accepted.items()}
        rested, late = judge.rest(known, REST)
        person.over.set()
        person.join()
        findings = [wrong for each in people for wrong in each.wrong]
        findings += [f"{p.name} ended unasked, with {code}" for p in (world.web, *world.workers) for code in p.unasked]
        findings += list(judge.findings(world, known, WORKFLOWS))
        took = time.monotonic() - began
        return report.Outcome(
            seed,
            "PostgreSQL",
            faults,
            known,
            sum((each.counts for each in people), Counter()),
            httpx.get(f"{world.scripted_url}/troubles", timeout=10, trust_env=False).json(),
            refusals(),
            rested,
            late,
            findings,
            {"ready after": f"{ready:.0f} s", "faults for": f"{broken:.0f} s", "over after": f"{took:.0f} s"},
        )


def publish(world: World) -> None:
    with world.client(30.0) as client:
        for number in range(WORKFLOWS):
            drawn = definition(world.seed, number, world.scripted_url)
            pushed = client.post("/workflows", json=drawn)
            published = client.post(f"/workflows/{drawn['id']}/publish")
            assert pushed.is_success and published.is_success, f"{drawn['id']} can't be published: {published.text[:2000]}"


if __name__ == "__main__":
    sys.exit(main())
