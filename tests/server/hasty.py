"""`celery -A tests.server.hasty`: the application, with less patience for a broker that says nothing."""

from config import watchdog
from config.celery import app

watchdog.EVERY, watchdog.DEAF = 0.3, 4.0
app.conf.broker_transport_options = {**app.conf.broker_transport_options, "socket_timeout": 1, "read_timeout": 1}

__all__ = ["app"]
