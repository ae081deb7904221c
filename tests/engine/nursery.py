"""What the process from which workers are forked has at hand: Django on the tests' database, and the engine. It opens nothing."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.engine.worker_settings"

import django

django.setup()

import orchestration.executor.engine  # noqa: E402, F401
import tests.engine.worker  # noqa: E402, F401
