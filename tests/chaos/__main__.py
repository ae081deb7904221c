"""`python -m tests.chaos [--seconds 90 | --minutes M] [--seed N]`: see `tests/chaos/__init__.py`."""

import argparse
import secrets
import sys
import time

from tests.chaos import judge
from tests.chaos.generator import definition
from tests.chaos.traffic import Client, Person
from tests.chaos.world import World, folder

WORKFLOWS = 12
CLIENTS = 3
PASSED, FAILED, INVALID = 0, 1, 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seconds", type=float, default=90.0)
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else secrets.randbelow(1_000_000)
    began = time.monotonic()
    with folder() as place, World(seed, place) as world:
        print(f"ready after {time.monotonic() - began:.1f}")
        publish(world)
        print(f"published after {time.monotonic() - began:.1f}")
        clients = [Client(world, WORKFLOWS, n, CLIENTS, 0.3) for n in range(CLIENTS)]
        person = Person(world)
        for each in (*clients, person):
            each.start()
        time.sleep(15)
        for client in clients:
            client.over.set()
            client.join()
        known = {n: run for client in clients for n, run in client.accepted.items()}
        print(judge.rest(known, 40), len(known))
        person.over.set()
        person.join()
        found = list(judge.findings(world, known, WORKFLOWS))
        print("\n".join(found[:20]), len(found))
        for each in (*clients, person):
            print(each.counts, each.wrong)
        print(f"over after {time.monotonic() - began:.1f}")
        for process in (world.web, *world.workers, world.scripted):
            print(process.name, process.unasked, process.said()[-1500:])
    return FAILED if found else PASSED


def publish(world: World) -> None:
    with world.client(30.0) as client:
        for number in range(WORKFLOWS):
            drawn = definition(world.seed, number, world.scripted_url)
            pushed = client.post("/workflows", json=drawn)
            published = client.post(f"/workflows/{drawn['id']}/publish")
            assert pushed.is_success and published.is_success, f"{drawn['id']} can't be published: {published.text[:2000]}"


if __name__ == "__main__":
    sys.exit(main())
