"""The broker down, emptied, killed, restarted, deaf, and saying things more than once: hints are lost or doubled, runs are not.
On Redis everything that is on Redis goes with it: hints, nudges, and counts of wrong passwords."""

import random
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest
from celery import Celery
from kombu import Connection, Exchange, Queue
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from orchestration.models import Run
from tests.server.conftest import PASSWORD, House
from tests.server.fleet import PATIENCE, WebProcess, WorkerProcess, until
from tests.server.test_fleet import Latches, hints
from tests.servers import Cable
from tests.services import Valkey

pytestmark = pytest.mark.postgresql

QUEUE = Queue("interlock", Exchange("interlock"), routing_key="interlock")


@dataclass
class Broker:
    """That of one web process and one worker."""

    url: str
    web: WebProcess
    worker: WorkerProcess


@pytest.fixture(scope="module")
def valkey() -> Iterator[Valkey]:
    """It is down at first."""
    with Valkey() as server:
        yield server


@pytest.fixture(scope="module")
def broker(_house: House, valkey: Valkey) -> Iterator[Broker]:
    """All that is on Redis is on this one."""
    _house.fleet.up(webs=0, workers=0)
    yield _beside(_house, valkey.url, REDIS_URL=valkey.url)
    _house.fleet.up(webs=0, workers=0)


def _beside(house: House, url: str, app: str = "config", **its: str) -> Broker:
    web, worker = house.fleet.web(**its), house.fleet.worker(app=app, **its)
    return Broker(url, web.ready(), worker.ready())


@contextmanager
def _cabled(url: str) -> Iterator[tuple[Cable, str]]:
    """A cable to that server, and the same address by it."""
    parts = urlsplit(url)
    who, at, where = parts.netloc.rpartition("@")
    host, _, port = where.partition(":")
    with Cable(host, int(port)) as cable:
        yield cable, parts._replace(netloc=f"{who}{at}127.0.0.1:{cable.port}").geturl()


def test_without_a_broker_runs_start_and_go_on_by_the_sweep_and_once_it_is_there_by_hints(
    house: House, broker: Broker, valkey: Valkey
) -> None:
    with house.client() as client:
        runs = [client.start("sends")["id"] for _ in range(5)]
        house.ended(*runs)
        broker.web.until("Hints are lost")
        valkey.start()
        _until_heard(house, broker)


def test_one_that_dies_in_the_middle_and_comes_back_with_nothing_loses_hints_and_no_run(
    house: House, broker: Broker, valkey: Valkey, latches: Latches
) -> None:
    with house.client() as client:
        runs = [client.start("sends")["id"] for _ in range(5)]
        until(lambda: Run.objects.filter(id__in=runs, status="held").count() == 5, "all are under way")
        valkey.kill()
        runs += [client.start("sends")["id"] for _ in range(5)]
        for latch in latches:
            latch.open()
        assert {run.outcome for run in house.ended(*runs)} == {"good"}
        valkey.start()
        _until_heard(house, broker)
    assert len(house.sent(*runs)) == len(set(house.sent(*runs))) == 30


def test_one_that_is_emptied_loses_hints_and_no_run(house: House, broker: Broker) -> None:
    """Nobody takes the messages: the worker is stopped, and starts again when they are gone."""
    broker.worker.told(signal.SIGTERM)
    broker.worker.ended()
    with house.client() as client, Connection(broker.url) as connection, connection.channel() as channel:
        runs = [client.start("sends")["id"] for _ in range(5)]
        queue = QUEUE(channel)
        emptied = 0

        def empty() -> bool:
            nonlocal emptied
            emptied += queue.purge()
            return emptied == 5

        until(empty, "five hints were there, and are gone")
    broker.worker = house.fleet.worker(REDIS_URL=broker.url).ready()
    assert {run.outcome for run in house.ended(*runs)} == {"good"}
    broker.worker.listening()
    _until_heard(house, broker)


def _until_heard(house: House, broker: Broker) -> None:
    heard = len(broker.worker.lines)
    with house.client() as client:
        until(lambda: client.start("asks", wait=30) and hints(broker.worker, heard), "a hint has come")


def test_while_redis_is_gone_pages_answer_and_poll_and_people_sign_in(house: House, broker: Broker, valkey: Valkey) -> None:
    with house.client() as client:
        run = client.start("asks", wait=30)["id"]
    with broker.web.watching(house.cookie, f"run.{run}") as before:
        before.recv(PATIENCE)
        valkey.kill()
        assert _closed(before) == 1013, "who watched is told that it ends, and polls"
        with broker.web.watching(house.cookie, f"run.{run}") as after:
            assert _closed(after) == 1013
    with httpx.Client(base_url=broker.web.url, headers={"Cookie": house.cookie}, timeout=PATIENCE, trust_env=False) as browser:
        for address in ("/healthz", "/runs/", f"/runs/{run}/", "/inbox/", "/settings/"):
            assert browser.get(address).status_code == 200, address
        polled = browser.get(f"/runs/{run}/", headers={"HX-Request": "true", "HX-Target": "run", "If-None-Match": '"0"'})
        assert (polled.status_code, "data-live-revision" in polled.text) == (200, True)
    assert _sign_in(broker.web.url, "wrong") == 200, "a page that says so"
    assert _sign_in(broker.web.url, PASSWORD) == 302
    broker.web.until("this process counts for itself")
    valkey.start()
    assert "Traceback" not in broker.web.said


def _closed(socket: ClientConnection) -> int | None:
    try:
        while socket.recv(PATIENCE):
            pass
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else None
    return None


def _sign_in(url: str, password: str) -> int:
    """The status of the answer. The cookie is for TLS alone, so that no client but this one would send it here."""
    with httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False) as browser:
        token = browser.get("/account/login/").cookies["csrftoken"]
        form = {"login": "olga", "password": password, "csrfmiddlewaretoken": token}
        return browser.post("/account/login/", data=form, headers={"Cookie": f"csrftoken={token}"}).status_code


def test_one_at_the_end_of_a_cable_that_is_cut_and_mended_and_goes_deaf_loses_no_run(house: House, broker_url: str) -> None:
    """RabbitMQ where there is one, of which only the way to it dies: the server is not ours."""
    house.fleet.up(webs=0, workers=0)
    with _cabled(broker_url) as (cable, url), ExitStack() as stack:
        stack.callback(house.fleet.up, webs=0, workers=0)
        cable.cut()
        broker = _beside(house, url, "tests.server.hasty", BROKER_URL=url)
        client = stack.enter_context(house.client())
        house.ended(client.start("sends")["id"])
        broker.web.until("Hints are lost")
        cable.mend()
        _until_heard(house, broker)
        cable.cut()
        house.ended(*(client.start("sends")["id"] for _ in range(5)))
        cable.mend()
        _until_heard(house, broker)
        before = cable.cuts
        cable.deafen()
        assert cable.cuts > before, "the fault did not bite"
        broker.worker.until("The consumer hears nothing any more; it connects anew.")
        _until_heard(house, broker)
        assert broker.worker.lives


def test_hints_that_come_late_and_out_of_order_and_more_than_once_are_load_and_nothing_else(house: House) -> None:
    house.fleet.up(webs=1, workers=2)
    chance = random.Random(7)
    hinting = Celery("hinting", broker=house.fleet.environment["REDIS_URL"], set_as_current=False)
    heard = {worker.listening(): len(worker.lines) for worker in house.fleet.workers}
    with house.client() as client, hinting.connection_for_write() as connection:
        runs = [client.start("sends")["id"] for _ in range(20)]
        said = [run for run in [*runs, "nosuchrun"] for _ in range(chance.randint(1, 5))]
        for part in (said, house.ended(*runs) and said):
            for run in chance.sample(part, len(part)):
                hinting.send_task("orchestration.tasks.advance_run", (run,), queue="interlock", connection=connection)
    until(lambda: sum(hints(worker, since) for worker, since in heard.items()) >= 2 * len(said), "all are heard")
    assert set(Run.objects.filter(id__in=runs).values_list("outcome", "seq", "deaths")) == {("good", 4, 0)}
    sent = house.sent(*runs)
    assert len(sent) == len(set(sent)) == 60
