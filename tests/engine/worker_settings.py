"""Settings of worker processes that tests start: those of the tests, on the tests' own database (TEST_DATABASE, REACH)."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES

DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
REACH = tuple(os.environ["REACH"].split(","))
