"""The Celery app of the server mode. Messages are hints: they carry an id, are acknowledged early, and may all be lost."""

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("interlock", broker=settings.BROKER_URL, set_as_current=True)
app.conf.update(
    task_ignore_result=True,
    result_backend=None,
    task_acks_late=False,
    task_publish_retry=False,  # a hint that can't be sent is not worth waiting for: the sweep finds the run
    broker_connection_retry_on_startup=True,
    broker_transport_options={"socket_connect_timeout": 2, "socket_timeout": 5},
    worker_pool="threads",  # prefork would make a pool of connections for each task, and no engine could be shared
    worker_concurrency=4,
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=1,
    enable_utc=True,
)
app.autodiscover_tasks(["orchestration"])
