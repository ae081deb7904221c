"""`python -m tests.chaos [--seconds 90 | --minutes 30] [--seed 7] [--on sqlite]`"""

import argparse
import secrets
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from tests import services
from tests.chaos import MISSING, judge, mail, report, schedule
from tests.chaos.database import called, children, refusals
from tests.chaos.faults import Faults
from tests.chaos.generator import definition, parts
from tests.chaos.traffic import Crowd
from tests.chaos.world import OneFile, World, folder

WORLDS: dict[str, type[World]] = {"postgresql": World, "sqlite": OneFile}
WORKFLOWS = 12
CLIENTS, PAUSE = 4, 0.3
SHORT = 120.0
"""Seconds up to which a run is of the short form, whose faults are always the same."""
REST = 120.0
"""Seconds after which whatever has not ended is given up."""
HUNG = 300.0
"""Seconds above its time after which a run is given up."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seed", type=int, help="what is drawn; else by chance, and printed")
    parser.add_argument("--seconds", type=float, default=90.0, help="up to 120 it is the short form")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--on", choices=WORLDS, default="postgresql", help="the database")
    parser.add_argument("--logs", type=Path, help="a folder in which the logs of all processes are kept")
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else secrets.randbelow(1_000_000)
    seconds = args.minutes * 60.0 if args.minutes else args.seconds
    print(f"Chaos with seed {seed} …", flush=True)
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, _give_up)  # what was started ends with it
    signal.alarm(int(seconds + HUNG))
    with folder() as place:
        try:
            told = run(seed, seconds, place, WORLDS[args.on])
        except services.Missing as missing:
            print(missing)
            return MISSING
        finally:
            if args.logs:
                shutil.copytree(place, args.logs, dirs_exist_ok=True)
    print("\n".join(report.lines(told)), flush=True)
    return told.code


def _give_up(number: int, _: Any) -> None:
    raise SystemExit(f"It was given up ({signal.Signals(number).name}).")


def run(seed: int, seconds: float, place: Path, kind: type[World]) -> report.Outcome:
    began = time.monotonic()
    with kind(seed, place) as world:
        publish(world)
        crowd = Crowd(world, WORKFLOWS, CLIENTS, PAUSE)
        crowd.start()
        faults = Faults(world, lambda: crowd.counts["requests unanswered"])
        ready = time.monotonic()
        if seconds <= SHORT:
            schedule.short(faults, crowd.rest)
        else:
            schedule.long(faults, seconds - (ready - began), seed)
        healed = time.monotonic()
        world.heal()
        crowd.rest()
        rested, late = judge.rest(REST)
        crowd.stop()
        known = crowd.accepted
        findings = [*crowd.wrong, *faults.takeovers.still, *judge.findings(world, known, WORKFLOWS), *mail.findings(crowd.sent)]
        findings += [f"{p.name} ended by itself, with {code}" for p in (world.web, *world.workers) for code in p.unasked if code]
        times = {"ready after": ready - began, "broken for": healed - ready, "over after": time.monotonic() - began}
        troubles = httpx.get(f"{world.scripted_url}/troubles", timeout=10, trust_env=False).json()
        counts = crowd.counts + Counter({"workflows called": called(), "waits that ended by their deadline": mail.late()})
        return report.Outcome(
            seed, world.on, faults, known, counts, troubles, children(), refusals(), rested, late, findings, times
        )


def publish(world: World) -> None:
    with world.client(30.0) as client:
        roots = [definition(world.seed, number, world.scripted_url) for number in range(WORKFLOWS)]
        for drawn in (*parts(world.seed, world.scripted_url).values(), *roots):
            client.post("/workflows", json=drawn)
            published = client.post(f"/workflows/{drawn['id']}/publish")
            assert published.is_success, f"{drawn['id']} can't be published: {published.text[:2000]}"


if __name__ == "__main__":
    sys.exit(main())
