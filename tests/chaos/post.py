"""Events that are sent for the waits of runs: before the run is started, soon after, or when it is over; some of them twice. Who
is not answered sends the same again, under the same key, until it is."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

import httpx

from tests.chaos.answers import CLOSE
from tests.chaos.interpreter import Course
from tests.chaos.world import World

AGAIN = 0.3
"""Seconds after which who was not answered asks again."""
SOON, CLOSELY = 12.0, 5.0
"""Seconds after the start in which events come; and those that come about when their wait is over."""
LATER = 3.0
"""Seconds after which it is looked again whether a run is over."""


class Letter(NamedTuple):
    """An event, and the number of the start that it is for."""

    key: str
    start: int
    name: str
    correlation: str
    payload: Any
    when: str

    @property
    def address(self) -> str:
        return f'{self.name} "{self.correlation}"'

    @property
    def body(self) -> dict[str, Any]:
        return {"name": self.name, "correlation": self.correlation, "payload": self.payload}


def letters(seed: int, start: int, course: Course) -> Iterator[Letter]:
    """One for each wait that is to have one, and those that are too many."""
    sent = [(name, correlation, each) for name, correlation, each in course.all_waits() for _ in range(1 + each.spare)]
    for number, (name, correlation, each) in enumerate(sent):
        if each.when != "never":
            yield Letter(f"chaos-{seed}-{start}-{number}", start, name, correlation, each.payload, each.when)


class Post(threading.Thread):
    """`accepted`: each letter by its key, and what it was answered. `over`: nothing more is put in, and nothing waits for its
    time any more."""

    def __init__(self, world: World, number: int) -> None:
        super().__init__(name=f"post{number}", daemon=True)
        self.world = world
        self.accepted: dict[str, tuple[Letter, dict[str, Any]]] = {}
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self.over, self.last = threading.Event(), threading.Event()
        """`last`: all runs have ended, and what was to come after that is sent."""
        self._chance = Random(f"{world.seed}/post/{number}")
        self._bag: list[tuple[float, Letter, str]] = []
        self._lock = threading.Lock()
        self._sending = False
        """One that a run may need was taken out and is not answered yet."""

    def put(self, found: list[Letter], run: str) -> None:
        """What is to be sent for a run that was started."""
        with self._lock:
            for letter in found:
                soon = CLOSELY if letter.name == CLOSE else SOON
                self._bag.append((time.monotonic() + self._chance.uniform(0, soon), letter, run))

    def run(self) -> None:
        with self.world.client() as client:
            while self._bag or not self.last.wait(0.02):
                if (found := self._next()) is None:
                    self.last.wait(0.05)
                    continue
                letter, run = found
                if letter.when == "soon" or self.last.is_set() or _is_over(client, run):
                    self.send(client, letter)
                    self._sending = False
                else:
                    self._bag.append((time.monotonic() + LATER, letter, run))

    def _next(self) -> tuple[Letter, str] | None:
        """The next that is to be sent now, taken out."""
        now = time.monotonic()
        with self._lock:
            for place, (at, letter, run) in enumerate(self._bag):
                if at <= now or self.last.is_set() or (self.over.is_set() and letter.when == "soon"):
                    self._sending = letter.when == "soon"
                    self._bag.pop(place)
                    return letter, run
        return None

    def rest(self) -> None:
        """Returns once all is sent that does not come after the end of a run."""
        self.over.set()
        while self._sending or any(letter.when == "soon" for _, letter, _ in list(self._bag)):
            time.sleep(0.1)

    def send(self, client: httpx.Client, letter: Letter) -> None:
        """Returns once it is accepted, and sent again where that is what comes."""
        said = self._sent(client, letter)
        self.accepted[letter.key] = letter, said
        self.counts["events that a run waited for" if said.get("run") else "events kept"] += 1
        if self._chance.random() < 0.2:
            self.counts["events repeated"] += 1
            if (again := self._sent(client, letter)) != said:
                self.wrong.append(f"the event {letter.key} was answered with {said}, then with {again}")
        if self._chance.random() < 0.15:
            self._other_body(client, letter)

    def _sent(self, client: httpx.Client, letter: Letter) -> dict[str, Any]:
        while (answer := self._post(client, letter.key, letter.body)) is None or answer.status_code >= 500:
            time.sleep(AGAIN)
        if answer.status_code != 202:
            self.wrong.append(f"the event {letter} was answered {answer.status_code}: {answer.text[:300]}")
            return {}
        return dict(answer.json())

    def _other_body(self, client: httpx.Client, letter: Letter) -> None:
        answer = self._post(client, letter.key, {**letter.body, "payload": {"value": 10}})
        if answer is not None and answer.status_code < 500:
            self.counts["other events under a key refused"] += 1
            if answer.status_code not in (409, 422):
                self.wrong.append(f"another event under the key {letter.key} was answered {answer.status_code}")

    def _post(self, client: httpx.Client, key: str, body: Any) -> httpx.Response | None:
        try:
            answer = client.post("/events", json=body, headers={"Idempotency-Key": key})
        except httpx.HTTPError:
            self.counts["events unanswered"] += 1
            return None
        if answer.status_code >= 500:
            self.counts["events answered 5xx"] += 1
        return answer


def _is_over(client: httpx.Client, run: str) -> bool:
    try:
        answer = client.get(f"/runs/{run}")
        return answer.is_success and answer.json()["ended"] is not None
    except (httpx.HTTPError, ValueError):
        return False
