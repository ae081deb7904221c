"""A real engine on a real database, with a scripted model and tool server on this machine."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from orchestration import fsck, tasks
from orchestration.acts import runs
from orchestration.executor.engine import Engine
from orchestration.models import Call, Escalation, Provider, Run, StepRecord
from orchestration.record.pack import unpack_all
from orchestration.record.rows import Commit
from tests.engine.publishing import publish
from tests.servers import ScriptedServer

PATIENCE = 30.0


class Floor:
    """The engine of a test, and waiting for what it commits."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self._changed = threading.Condition()
        self.engine = Engine(name="test", on_commit=self._on_commit)

    def _on_commit(self, commits: list[Commit]) -> None:
        with self._changed:
            self._changed.notify_all()

    def until(self, run: str, condition: Callable[[Run], bool]) -> Run:
        """The run once `condition` holds. Fails where nothing is committed for a long time."""
        with self._changed:
            while not condition(found := Run.objects.get(id=run)):
                assert self._changed.wait(PATIENCE), f"run {run} is {found.status} at {found.place}: {found.error}"
            return found

    def ended(self, run: str) -> Run:
        return self.until(run, lambda found: found.status in Run.ENDED)

    def rested(self, run: str) -> Run:
        """The run once it has ended or waits for a person."""
        return self.until(run, lambda found: found.status in (*Run.ENDED, Run.Status.WAITING, Run.Status.QUARANTINED))

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

    def run(self, definition: Any, input: Any = None) -> Run:
        """Publishes, starts, and follows the run until it ends or waits for a person."""
        version = publish(definition)
        return self.rested(runs.start(workflow=version.workflow_id, input={"text": "x", "n": 0, **(input or {})}, by="ada"))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as found:
        yield found


@pytest.fixture
def floor(transactional_db: None, server: ScriptedServer, settings: Any) -> Iterator[Floor]:
    settings.REACH = (server.place,)
    Provider.objects.create(name="main", protocol="openai", base_url=server.base_url, default_model="test-model")
    floor = Floor(server)
    floor.engine.start()
    tasks.use_engine(floor.engine)
    yield floor
    tasks.use_engine(None)
    floor.engine.stop(grace=1.0)
    assert [str(finding) for finding in fsck.check()] == []
