"""Hints on their way through a broker."""

from types import SimpleNamespace
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
