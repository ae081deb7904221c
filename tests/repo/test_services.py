"""The tests' own services: what is found is left as it was, and what is missing is said in one sentence."""

import subprocess
import sys

import pytest
from redis import Redis

from tests import services


def test_a_logical_database_that_holds_something_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    with services._started_redis() as url:
        monkeypatch.setenv("TEST_REDIS_URL", url)
        server = url.rpartition("/")[0]
        somebodys = Redis.from_url(f"{server}/15")
        somebodys.set("theirs", "1")
        with services.redis() as first, services.redis() as second:
            assert [first.url, second.url] == [f"{server}/14", f"{server}/13"]
            Redis.from_url(first.url).set("ours", "1")
        assert [Redis.from_url(f"{server}/{number}").dbsize() for number in (13, 14, 15)] == [0, 0, 1]


def test_what_does_not_answer_fails_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = f"127.0.0.1:{services.free_port()}"
    monkeypatch.setenv("DATABASE_URL", f"postgresql://postgres:pass@{nobody}/postgres")
    nothing = [sys.executable, "-m", "tests", __file__, "-k", "no_test_is_called_so"]
    ran = subprocess.run(nothing, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "Start that server, or unset DATABASE_URL" in ran.stdout
    assert "pass@" not in ran.stdout + ran.stderr
    monkeypatch.setenv("TEST_REDIS_URL", f"redis://{nobody}")
    with pytest.raises(services.Missing, match="unset REDIS_URL"), services.redis():
        pass
    monkeypatch.setenv("TEST_BROKER_URL", f"amqp://{nobody}")
    with pytest.raises(services.Missing, match="BROKER_URL"), services.rabbitmq():
        pass
