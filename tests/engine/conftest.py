"""A real engine on a real database, with a scripted model and tool server on this machine."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from orchestration import fsck, tasks
from orchestration.acts import firing, runs
from orchestration.executor.engine import Engine
from orchestration.models import Call, Escalation, Provider, Run, StepRecord
from orchestration.record import failpoints
from orchestration.record.clock import SetClock, database_now
from orchestration.record.pack import unpack_all
from orchestration.record.rows import Commit
from tests.engine.crew import Crew
from tests.engine.hall import Hall, sound
from tests.engine.publishing import publish, publish_unproven
from tests.engine.sample import publish_sample
from tests.servers import ScriptedServer

PATIENCE = 30.0


class Floor:
    """The engine of a test, and waiting for what it commits."""

    def __init__(self, server: ScriptedServer, clock: SetClock | None = None) -> None:
        self.server = server
        self.clock = clock
        self._changed = threading.Condition()
        self.engine = Engine(name="test", on_commit=self._on_commit, clock=clock, schedules=firing.due)

    def _on_commit(self, commits: list[Commit]) -> None:
        with self._changed:
            self._changed.notify_all()

    def until(self, run: str, condition: Callable[[Run], bool]) -> Run:
        """The run once `condition` holds. Fails where it does not for a long time."""
        with self._changed:
            until = time.monotonic() + PATIENCE
            while not condition(found := Run.objects.get(id=run)):
                assert time.monotonic() < until, f"run {run} is {found.status} at {found.place}: {found.error}"
                self._changed.wait(0.1)  # sweeps and claims are no commits
            return found

    def advance(self, seconds: float) -> None:
        """Moves the set clock on, and lets the engine look at what is due now."""
        assert self.clock is not None
        self.clock.advance(seconds)
        self.engine.look()

    def fail_at(self, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The next to come to this failpoint meets an error there, and is given back as the database has it."""
        monkeypatch.setitem(failpoints._armed, point, ("error", failpoints._passed[point] + 1, ""))

    def given_back(self, run: str, after: int = 1) -> Run:
        """The run once it waits out a backoff, held by nobody, after so many calls."""

        def waits(found: Run) -> bool:
            return (found.status, found.wait) == ("ready", "backoff") and found.calls.count() == after

        return self.until(run, waits)

    def start(self, definition: Any, input: Any = None, proven: bool = True) -> str:
        """Publishes and starts, and waits for nothing."""
        version = publish(definition) if proven else publish_unproven(definition)
        return runs.start(workflow=version.workflow_id, input={"text": "x", "n": 0, **(input or {})}, by="ada")

    def ended(self, run: str) -> Run:
        return self.until(run, lambda found: found.status in Run.ENDED)

    def rested(self, run: str) -> Run:
        """The run once it has ended or waits for a person."""
        rests = (*Run.ENDED, Run.Status.WAITING, Run.Status.QUARANTINED)
        return self.until(run, lambda found: found.status in rests and found.wait != "children")

    def records(self, run: Run) -> list[dict[str, Any]]:
        """Its step records, unpacked, in order."""
        found = list(StepRecord.objects.filter(run=run).order_by("seq").values())
        for record in found:
            names = ("input", "output", "result", "decision")
            record.update(zip(names, unpack_all(record[name] for name in names), strict=True))
        return found

    def paths(self, run: Run) -> list[str]:
        return [record["path"] for record in self.records(run)]

    def calls(self, run: Run) -> list[tuple[str, str, str]]:
        """(path, kind, error code or "") of each call, in order."""
        found = Call.objects.filter(run=run).order_by("id")
        return [(call.path, call.kind, (unpack_all([call.error])[0] or {}).get("code", "")) for call in found]

    def output(self, run: Run) -> Any:
        run.refresh_from_db()
        return unpack_all([run.output])[0]

    def escalation(self, run: Run) -> Escalation:
        return Escalation.objects.get(run=run, status__in=Escalation.PENDING)

    def another(self, run: Run) -> Run:
        """One more run of the same version, followed in the same way."""
        version = run.version.number
        return self.rested(runs.start(workflow=run.workflow_id, version=version, input={"text": "x", "n": 0}, by="ada"))

    def run(self, definition: Any, input: Any = None, proven: bool = True) -> Run:
        """Publishes, starts, and follows the run until it ends or waits for a person."""
        return self.rested(self.start(definition, input, proven))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as found:
        yield found


@pytest.fixture
def floor(transactional_db: None, server: ScriptedServer, settings: Any) -> Iterator[Floor]:
    with _working(Floor(server), settings) as floor:
        yield floor


@pytest.fixture
def timed(transactional_db: None, server: ScriptedServer, settings: Any) -> Iterator[Floor]:
    """A floor whose engine goes by a clock that the test sets. It begins a minute ahead, so that what is started is due."""
    with _working(Floor(server, SetClock(database_now() + timedelta(minutes=1))), settings) as floor:
        yield floor


@contextmanager
def _working(floor: Floor, settings: Any) -> Iterator[Floor]:
    settings.REACH = (floor.server.place,)
    Provider.objects.create(name="main", protocol="openai", base_url=floor.server.base_url, default_model="test-model")
    floor.engine.start()
    tasks.use_engine(floor.engine)
    try:
        yield floor
    finally:
        tasks.use_engine(None)
        floor.engine.stop(grace=1.0)
    assert [str(finding) for finding in fsck.check()] == []


@pytest.fixture
def crew(db: None) -> Iterator[Crew]:
    """Stepped engines on one database, judged and healed at the end."""
    crew = Crew(publish_sample())
    yield crew
    crew.judge()
    crew.heal()
    crew.close()


@pytest.fixture
def hall(db: None) -> Iterator[Hall]:
    """Workers that look after schedules, and leave nothing unsound."""
    with Hall().watching() as found:
        yield found
    sound()
