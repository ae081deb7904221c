"""FAULTS I8: a start that dies with its web process, before or after it was written down, and is sent again, is one run."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from orchestration.models import Act, Run
from tests.engine.outages import direct
from tests.server.conftest import House
from tests.server.fleet import Client, until
from tests.servers import Cable

pytestmark = pytest.mark.postgresql
WAITS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def test_a_start_whose_web_process_is_killed_over_it_and_that_is_sent_again_is_one_run(house: House) -> None:
    house.fleet.up(webs=2, workers=1)
    doomed = house.fleet.webs[0]
    before = Run.objects.count()
    with Cable("127.0.0.1", doomed.port) as cable, house.client(1) as other, ThreadPoolExecutor(1) as elsewhere:
        with Client(f"http://127.0.0.1:{cable.port}", house.operator) as client:
            cable.cut_at(b"/runs", 1, "after")
            with pytest.raises(httpx.RemoteProtocolError):
                client.start("asks", Idempotency_Key="written")
            written = Run.objects.latest("created").id

            with direct() as holder, direct() as watcher:
                holder.execute("BEGIN")
                holder.execute("LOCK TABLE orchestration_act IN EXCLUSIVE MODE")
                lost = elsewhere.submit(client.start, "asks", Idempotency_Key="not yet")
                until(lambda: watcher.execute(WAITS).fetchone() == (1,), "it waits to be written down")
                doomed.killed()
                holder.execute("ROLLBACK")
            assert isinstance(lost.exception(), httpx.TransportError)
        assert cable.cuts == 1, "the fault did not bite"
        assert other.start("asks", Idempotency_Key="written")["id"] == written
        again = {other.start("asks", Idempotency_Key="not yet")["id"] for _ in range(3)}
        assert len(again) == 1
    house.ended(written, *again)
    assert Run.objects.count() == before + 2
    assert Act.objects.filter(verb="start", subject__in=[f"run:{run}" for run in (written, *again)]).count() == 2
