"""Settings of processes that tests start: those of the tests, on the tests' own database (TEST_DATABASE, REACH), with the pool of
connections that the application has."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, POOL

DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
if POOL is not None:
    DATABASES["default"]["OPTIONS"]["pool"] = POOL
REACH = tuple(os.environ["REACH"].split(","))
