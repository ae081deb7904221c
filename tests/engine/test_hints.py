"""Hints on their way through a broker."""

import json
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import kombu
from redis import Redis

from config.celery import app
from config.watchdog import Watchdog
from orchestration import tasks
from tests import services


def test_nothing_has_to_be_given_back_to_a_broker_that_dies_with_hints_under_way() -> None:
    """They are gone from it once a worker has them, and it is told no more of them: either would end the worker when it fails."""
    watchdog = Watchdog(SimpleNamespace(app=app), "w1")
    with services.redis() as found, kombu.Connection(found.url) as connection:
        received: list[kombu.Message] = []
        with app.amqp.TaskConsumer(connection.default_channel, on_message=received.append):
            tasks.advance_run.apply_async(("r1",), connection=connection)
            tasks.echo.apply_async((), queue=watchdog.queue, connection=connection)
            while len(received) < 2:
                connection.drain_events(timeout=10)
        assert {message.delivery_info["routing_key"] for message in received} == {"interlock", watchdog.queue}
        assert not any(message.acknowledged for message in received)
        assert not connection.default_channel.qos._delivered
        app.amqp.queues.deselect(watchdog.queue)
        left = {key for key in Redis.from_url(found.url).scan_iter() if not key.startswith(b"_kombu.")}
        assert left == {services.CLAIM.encode()}
    consumer = MagicMock(disable_rate_limits=True, connection_errors=connection.connection_errors)
    for message in received:
        task = app.tasks[message.headers["task"]]
        task.start_strategy(app, consumer)(message, None, message.ack_log_error, message.reject_log_error, [])
        consumer.on_task_request.call_args[0][0].acknowledge()  # as the pool does, though the connection is gone


def test_a_hint_goes_from_the_consumer_to_the_engine_and_what_is_none_to_celery() -> None:
    """Without a thread of the pool, where there is an engine; whatever else comes by that name is Celery's to judge."""
    told: list[str] = []
    consumer = MagicMock(disable_rate_limits=True)
    take_up = app.tasks[tasks.advance_run.name].start_strategy(app, consumer)

    def come(*body: Any) -> int:
        """How many messages have gone to Celery's pool so far."""
        headers = {"task": tasks.advance_run.name, "id": "m1", "lang": "py"}
        message = kombu.Message(json.dumps(body), headers=headers, content_type="application/json", content_encoding="utf-8")
        take_up(message, None, lambda *_: None, lambda *_: None, [])
        return int(consumer.on_task_request.call_count)

    assert come(["r1"], {}, {}) == 1, "there is no engine here"
    tasks.use_engine(SimpleNamespace(hint=told.append))
    try:
        assert come(["r2"], {}, {}) == 1
        assert told == ["r2"]
        assert come(["r3", "more"], {}, {}) == 2
        assert come([], {"run": "r4"}, {}) == 3
        assert come([5], {}, {}) == 4
    finally:
        tasks.use_engine(None)
    assert told == ["r2"]
