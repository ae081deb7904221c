"""Clients that start runs and send their events, and a person who answers what runs ask. All go on whatever happens to the web
process: who was not answered asks again under the same key."""

import json
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import httpx

from tests.chaos.answers import Answers, place_of
from tests.chaos.generator import definition, given, parts
from tests.chaos.interpreter import interpret
from tests.chaos.post import AGAIN, Letter, Post, letters
from tests.chaos.world import World
from tests.servers.ledger import Effect


class Client(threading.Thread):
    """Starts runs, one after the other, each under a key of its own and some of them several times. `accepted`: number → id."""

    def __init__(self, world: World, workflows: int, first: int, stride: int, pause: float) -> None:
        super().__init__(name=f"client{first}", daemon=True)
        self.world, self.workflows, self.pause = world, workflows, pause
        self.numbers = range(first, 10_000_000, stride)
        self.accepted: dict[int, str] = {}
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self.over = threading.Event()
        self.post = Post(world, first)
        self._answers = Answers(world.seed)
        self._chance = Random(f"{world.seed}/client/{first}")

    def run(self) -> None:
        with self.world.client() as client:
            for number in self.numbers:
                if self.over.wait(self.pause):
                    return
                mail = self._mail(number)
                for letter in mail:
                    if letter.when == "early":
                        self.post.send(client, letter)
                if not (run := self._start(client, number)):
                    return
                self.accepted[number] = run
                self.post.put([letter for letter in mail if letter.when != "early"], run)
                for _ in range(self._chance.choice((0, 0, 0, 1, 3))):
                    self._same(self._start(client, number), run, number)
                if self._chance.random() < 0.1 and self.accepted:
                    old = self._chance.choice(list(self.accepted))
                    self._same(self._start(client, old), self.accepted[old], old)
                    self._other_body(client, old)

    def _mail(self, number: int) -> list[Letter]:
        seed, tools = self.world.seed, self.world.scripted_url
        drawn = definition(seed, number % self.workflows, tools)
        return list(letters(seed, number, interpret(drawn, given(seed, number), self._answers, parts(seed, tools))))

    def _same(self, run: str, before: str, number: int) -> None:
        self.counts["starts repeated"] += 1
        if run != before:
            self.wrong.append(f"the start {number} was answered with {before}, then with {run}")

    def _start(self, client: httpx.Client, number: int) -> str:
        """The run. What is refused though nothing is wrong with it ends this client."""
        body = {"input": given(self.world.seed, number)}
        while (answer := self._post(client, number, body)) is None or answer.status_code >= 500:
            time.sleep(AGAIN)
        if answer.status_code != 202:
            self.wrong.append(f"the start {number} was answered {answer.status_code}: {answer.text[:300]}")
            return ""
        return str(answer.json()["id"])

    def _other_body(self, client: httpx.Client, number: int) -> None:
        answer = self._post(client, number, {"input": given(self.world.seed, number + 1)})
        if answer is not None and answer.status_code < 500:
            self.counts["other requests under a key refused"] += 1
            if answer.status_code not in (409, 422):
                self.wrong.append(
                    f"another start under the key of {number} was answered {answer.status_code}: {answer.text[:200]}"
                )

    def _post(self, client: httpx.Client, number: int, body: Any) -> httpx.Response | None:
        try:
            path = f"/workflows/chaos_{number % self.workflows}/runs"
            answer = client.post(path, json=body, headers={"Idempotency-Key": f"chaos-{self.world.seed}-{number}"})
        except httpx.HTTPError:
            self.counts["requests unanswered"] += 1
            return None
        if answer.status_code >= 500:
            self.counts["requests answered 5xx"] += 1
        return answer


class Person(threading.Thread):
    """Answers as `answers` says; where it is asked whether something happened, as the ledger says."""

    def __init__(self, world: World) -> None:
        super().__init__(name="person", daemon=True)
        self.world, self.answers = world, Answers(world.seed)
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.over = threading.Event()
        self._answered: set[str] = set()
        self._ledger = Reading(world.ledger)

    def run(self) -> None:
        with self.world.client() as client:
            while not self.over.wait(AGAIN):
                try:
                    listed = client.get("/escalations", params={"status": "pending", "limit": 100})
                    for item in listed.json()["items"] if listed.is_success else ():
                        if item["id"] not in self._answered:
                            self._answer(client, item["id"])
                except (httpx.HTTPError, json.JSONDecodeError):
                    self.counts["requests unanswered"] += 1

    def _answer(self, client: httpx.Client, pause: str) -> None:
        found = client.get(f"/escalations/{pause}")
        if not found.is_success:
            return
        asked = found.json()
        action, values = self._decide(asked)
        body = {"action": action, "values": values, "revision": asked["revision"]}
        answer = client.post(f"/escalations/{pause}/resolve", json=body, headers={"Idempotency-Key": f"chaos-{pause}"})
        if answer.is_success:
            self._answered.add(pause)
            self.counts[f"answered: {asked['kind']}{'' if asked['kind'] == 'human' else f' ({action})'}"] += 1
        elif answer.status_code == 422:
            self.wrong.append(f"the answer {body} to {asked['kind']} of {asked['run']} was refused: {answer.text[:300]}")
            self._answered.add(pause)

    def _decide(self, asked: Any) -> tuple[str, Any]:
        if asked["kind"] == "human":
            index, amount = self.answers.person(place_of(asked["show"]), len(asked["actions"]))
            return asked["actions"][index]["id"], {"amount": amount}
        if asked["kind"] == "unknown":
            happened = self._ledger.find(asked["reason"]["request"]["body"])
            return ("happened", happened.output) if happened else ("did_not_happen", {})
        self.wrong.append(f"run {asked['run']}, which has no fault, asks about {asked['kind']}: {asked['reason']}")
        return ("retry" if asked["kind"] == "quarantine" else "continue"), {}


class Crowd:
    """So many clients, and a person."""

    def __init__(self, world: World, workflows: int, clients: int, pause: float) -> None:
        self._clients = [Client(world, workflows, n, clients, pause) for n in range(clients)]
        self._person = Person(world)

    @property
    def _posts(self) -> list[Post]:
        return [client.post for client in self._clients]

    @property
    def _all(self) -> tuple["Client | Person | Post", ...]:
        return (*self._clients, *self._posts, self._person)

    @property
    def counts(self) -> Counter[str]:
        return sum((each.counts for each in self._all), Counter())

    @property
    def wrong(self) -> list[str]:
        return [wrong for each in self._all for wrong in each.wrong]

    @property
    def accepted(self) -> dict[int, str]:
        """The starts that were answered: number → run."""
        return {number: run for client in self._clients for number, run in client.accepted.items()}

    @property
    def sent(self) -> list[tuple[Letter, dict[str, Any]]]:
        """The events that were answered, each with what."""
        return [each for post in self._posts for each in post.accepted.values()]

    def start(self) -> None:
        for each in self._all:
            each.start()

    def rest(self) -> None:
        """Nothing new is started; returns once every start is answered, and every event that a run may need."""
        for client in self._clients:
            client.over.set()
        for client in self._clients:
            client.join()
        for post in self._posts:
            post.rest()

    def stop(self) -> None:
        """Sends what is to come too late."""
        for post in self._posts:
            post.last.set()
        self._person.over.set()
        for each in (*self._posts, self._person):
            each.join()


class Reading:
    """The ledger as it lies on disk, read as it grows. `find` looks for what was done for a place in a run, whatever its key."""

    def __init__(self, file: Path) -> None:
        self._file, self._at = file, 0
        self._found: dict[str, Effect] = {}

    def find(self, body: str) -> Effect | None:
        for effect in self.more():
            self._found.setdefault(_place(effect.body), effect)
        return self._found.get(_place(body))

    def more(self) -> list[Effect]:
        """What was written since the last time."""
        if not self._file.exists():
            return []
        with self._file.open("rb") as lines:
            lines.seek(self._at)
            found = [line for line in lines if line.endswith(b"\n")]
        self._at += sum(map(len, found))
        return [Effect(**json.loads(line)) for line in found]


def _place(body: str) -> str:
    return json.dumps(place_of(json.loads(body)))
