"""A database that goes away in the middle: cut off, restarted, read-only, without room. Runs lose nothing and are not blamed, and
go on by themselves."""

import signal
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, connections
from pytest_django.plugin import DjangoDbBlocker

from orchestration import fsck, tasks
from orchestration.acts import runs
from orchestration.executor.engine import Engine
from orchestration.management.commands import up
from orchestration.models import Provider, Run, StepRecord, Version, Worker
from orchestration.record import recorder
from orchestration.record.recorder import Recorder
from tests import database, services
from tests.engine.conftest import PATIENCE, Floor, _working
from tests.engine.outages import COMMITS, Ear, Gate, cabled, crowded, direct, ear, elsewhere, end_sessions, on, sessions, until
from tests.engine.processes import Process
from tests.engine.publishing import end, publish, workflow
from tests.engine.test_runs import tool
from tests.record.test_apply import commit, held_run, version
from tests.servers import Cable, ScriptedServer
from tests.servers import behaviours as b
from tests.servers.cable import Moment

__all__ = ["ear", "version"]

INPUT = {"text": "x", "n": 0}
RUNS, STEPS = 8, 5
"""Of the test with many."""


def sending(floor: Floor, **more: Any) -> dict[str, Any]:
    """A workflow that takes three commits: what came before, the intent, the rest."""
    step, tools = tool(floor, effect="irreversible", **more)
    before = {"id": "before", "type": "set", "values": {"n": 1}, "next": "send"}
    return workflow(before, step, end({"id": "${steps.send.message_id}"}), tools=tools)


@pytest.fixture
def gate(server: ScriptedServer) -> Iterator[Gate]:
    """Calls of tools get their answers when this is opened."""
    gate = Gate()
    for number in ("", *range(1, STEPS + 1)):
        server.default(gate, path=f"/tools/send{number}")
    yield gate
    gate.open(STEPS * RUNS)


def under_way(floor: Floor) -> str:
    """A run whose call has left."""
    run = floor.start(sending(floor))
    assert floor.server.came.wait(PATIENCE)
    return run


def unharmed(floor: Floor, run: Run) -> None:
    assert (run.outcome, run.seq, run.deaths, run.suspicion) == ("good", 3, 0, 0)
    assert len(floor.server.ledger.requests) == 1
    assert Worker.objects.get(id=floor.engine.id).refused == 0, "it took its own commit for another's"


@pytest.mark.postgresql
class TestCutOff:
    @pytest.fixture
    def cable(self, transactional_db: None) -> Iterator[Cable]:
        with cabled() as cable:
            yield cable

    @pytest.fixture
    def floor(self, cable: Cable, server: ScriptedServer, settings: Any) -> Iterator[Floor]:
        with _working(Floor(server), settings) as floor:
            yield floor

    @pytest.mark.parametrize("nth", [1, 2, 3])
    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_a_reply_that_is_lost_writes_nothing_twice(
        self, floor: Floor, cable: Cable, ear: Ear, moment: Moment, nth: int
    ) -> None:
        cable.cut_at(COMMITS, nth, moment)
        run = floor.run(sending(floor))
        ear.wait()
        assert cable.cuts == 1
        unharmed(floor, run)

    def test_a_commit_that_was_still_under_way_when_it_was_asked_about_is_ones_own(
        self, floor: Floor, cable: Cable, ear: Ear
    ) -> None:
        """The server has it, and takes long over it; whoever sent it is cut off, finds nothing, and sends it again."""
        with direct() as holder, direct() as watcher:
            holder.execute("BEGIN")
            cable.cut_at(COMMITS, 2, "during", lambda: holder.execute("SELECT 1 FROM orchestration_run FOR UPDATE"))
            run = floor.start(sending(floor))
            ear.wait()
            blocked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            until(lambda: watcher.execute(blocked).fetchone() == (2,), "both wait")
            holder.execute("ROLLBACK")
        unharmed(floor, floor.ended(run))

    def test_a_claim_whose_answer_is_lost_is_made_again(self, floor: Floor, cable: Cable, ear: Ear) -> None:
        """Nobody knows of it: the run is held by a worker that lives and does not move it."""
        tasks.use_engine(None)
        run = floor.start(sending(floor))
        cable.cut_at(run.encode(), 1, "after")
        floor.engine.hint(run)
        ear.wait()
        assert Run.objects.get(id=run).holder == floor.engine.id
        floor.engine.look()
        unharmed(floor, floor.ended(run))

    def test_a_read_that_breaks_off_is_made_again_and_the_run_is_not_blamed(self, floor: Floor, cable: Cable, ear: Ear) -> None:
        retry = {"attempts": 2, "errors": ["unavailable"], "backoff": "10ms"}
        step, tools = tool(floor, effect="none", retry=retry, input={"n": "${steps.before.n}"})
        before = {"id": "before", "type": "set", "values": {"n": 1}, "next": "send"}
        floor.server.script(b.error(503), path="/tools/send")
        cable.cut_at(b'"orchestration_steprecord"', 1, "before")
        run = floor.run(workflow(before, step, end(), tools=tools))
        ear.wait()
        assert (run.outcome, run.deaths, cable.cuts) == ("good", 0, 1)

    def test_an_act_whose_answer_is_lost_is_the_same_act_when_it_is_sent_again(self, cable: Cable) -> None:
        version = publish({**workflow(end()), "models": {}})
        sent = {"workflow": version.workflow_id, "input": INPUT, "by": "ada", "idempotency": "k1"}
        plain, connections["default"] = connections["default"], connections.create_connection("default")  # through the cable
        try:
            cable.cut_at(b"INSERT INTO orchestration_run", 1, "after")
            with pytest.raises(OperationalError):
                runs.start(**sent)
            connection.close()
            assert Run.objects.get().id == runs.start(**sent)
        finally:
            connection.close()
            connections["default"] = plain
        assert cable.cuts == 1

    def test_whoever_can_t_write_for_long_gives_up_and_has_written_nothing(
        self, cable: Cable, version: Version, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(recorder, "PATIENCE", 0.0)
        deaths: list[BaseException] = []
        run = held_run(version)
        cable.cut()
        alone = Recorder(on_death=deaths.append)
        asked, written = alone.job(Worker.objects.count), Future[bool]()
        alone.commit(commit(run), written)
        alone.start()
        alone.stop()
        assert isinstance(asked.exception(PATIENCE), OperationalError)
        assert [type(death) for death in deaths] == [OperationalError]
        assert not written.done()
        cable.mend()
        assert (Run.objects.get(id=run.id).revision, StepRecord.objects.count()) == (run.revision, 0)


@pytest.fixture(scope="module")
def migrated(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[services.Postgresql]:
    with services.Postgresql(max_connections="14", superuser_reserved_connections="2") as server:
        with django_db_blocker.unblock(), on(server):
            call_command("migrate", verbosity=0)
        yield server


@pytest.mark.postgresql
class TestAServerOfOnesOwn:
    @pytest.fixture
    def own(self, migrated: services.Postgresql, transactional_db: None) -> Iterator[services.Postgresql]:
        with on(migrated):
            yield migrated
            database.empty()

    @pytest.fixture
    def floor(self, own: services.Postgresql, server: ScriptedServer, settings: Any) -> Iterator[Floor]:
        with _working(Floor(server), settings) as floor:
            yield floor

    def test_killed_three_times_while_two_workers_move_runs_it_comes_back_and_they_go_on(
        self, own: services.Postgresql, server: ScriptedServer, gate: Gate, settings: Any
    ) -> None:
        settings.REACH = (server.place,)
        Provider.objects.create(name="main", protocol="openai", base_url=server.base_url, default_model="m")
        floor = Floor(server)
        parts = [
            tool(floor, f"send{n}", timeout="60s", next=f"send{n + 1}" if n < STEPS else "done") for n in range(1, STEPS + 1)
        ]
        tools = {name: each for _, some in parts for name, each in some.items()}
        version = publish(workflow(*(step for step, _ in parts), end(), tools=tools))
        started = [runs.start(workflow=version.workflow_id, input=INPUT, by="ada") for _ in range(RUNS)]
        workers = [Process(server, session="-c synchronous_commit=on").claiming() for _ in range(2)]
        for times in (1, 2, 3):
            until(lambda times=times: len(server.ledger.requests) >= times * RUNS, "all are under way")
            with direct() as session:
                assert sessions(session), "the fault did not bite"
            own.kill()
            gate.open(RUNS)  # who has an answer now can't write it
            own.start()
            connection.close()
            assert not Run.objects.filter(status__in=Run.ENDED).exists()
        gate.open(STEPS * RUNS)
        for run in started:
            assert floor.ended(run).outcome == "good"
        assert set(Run.objects.values_list("deaths", "suspicion")) == {(0, 0)}
        assert len(server.ledger.effects) == RUNS * STEPS
        for worker in workers:
            worker.told(signal.SIGTERM)
            assert worker.ended() == 0
        assert [str(finding) for finding in fsck.check()] == []

    def test_while_it_is_read_only_nothing_is_lost_and_nobody_is_blamed(self, floor: Floor, gate: Gate, ear: Ear) -> None:
        run = under_way(floor)
        with direct() as session:
            session.execute("ALTER DATABASE postgres SET default_transaction_read_only = on")
            end_sessions(session)
            gate.open()
            ear.wait("read-only")
            session.execute("SET default_transaction_read_only = off")
            session.execute("ALTER DATABASE postgres RESET default_transaction_read_only")
            end_sessions(session)
        connection.close()
        unharmed(floor, floor.ended(run))

    def test_while_it_has_no_room_for_a_session_neither(self, floor: Floor, gate: Gate, ear: Ear) -> None:
        run = under_way(floor)
        with direct() as session, crowded(session):
            gate.open()
            ear.wait("too many clients")
        connection.close()
        unharmed(floor, floor.ended(run))


@pytest.mark.sqlite
class TestOnSqlite:
    def test_where_nobody_would_start_it_again_the_engine_waits_however_long_it_takes(
        self, transactional_db: None, server: ScriptedServer, gate: Gate, ear: Ear, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A worker's patience is over at once here, so that its process would end."""
        monkeypatch.setattr(recorder, "PATIENCE", 0.0)
        deaths: list[BaseException] = []
        monkeypatch.setattr(Engine, "_die", lambda engine, error: deaths.append(error))
        floor = Floor(server)
        floor.engine = Engine(name="embedded", on_commit=floor._on_commit, patience=up.PATIENCE)
        with _working(floor, settings):
            run = under_way(floor)
            with locked(floor):
                gate.open()
                ear.wait("locked")
                assert Run.objects.get(id=run).status == "held"
            unharmed(floor, floor.ended(run))
        assert deaths == []

    def test_a_full_disk_stops_nothing_for_good(self, floor: Floor, gate: Gate, ear: Ear) -> None:
        run = under_way(floor)
        waiting = publish({**sending(floor), "id": "waiting"})
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")
            pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        options = connections.settings["default"]["OPTIONS"]
        full = f"{options['init_command']} PRAGMA max_page_count={pages};"
        with elsewhere(OPTIONS={**options, "init_command": full}):
            floor.engine.recorder.job(lambda: connection.close()).result(PATIENCE)
            gate.open(2)
            ear.wait("full")
            assert Run.objects.get(id=run).status == "held"
        unharmed(floor, floor.ended(run))
        other = runs.start(workflow=waiting.workflow_id, input=INPUT, by="ada")
        assert floor.ended(other).outcome == "good"

    def test_a_lock_held_for_longer_than_anybody_waits_is_outlasted(self, floor: Floor, gate: Gate, ear: Ear) -> None:
        run = under_way(floor)
        with locked(floor):
            gate.open()
            ear.wait("locked")
            assert Run.objects.get(id=run).status == "held"
        unharmed(floor, floor.ended(run))


@contextmanager
def locked(floor: Floor) -> Iterator[None]:
    """Another process writes, and does not come to an end with it."""
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    options = connections.settings["default"]["OPTIONS"]
    with elsewhere(OPTIONS={**options, "timeout": 0.01}):
        floor.engine.recorder.job(lambda: connection.close()).result(PATIENCE)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
        other.close()
