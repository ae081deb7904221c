"""Settings of the tests: those of the application, over a folder of their own, with nothing from the machine's environment.

DATABASE_URL, where it is set, is honoured: the suite then runs on that PostgreSQL server, in a database of its own.
"""

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path

if "TEST_SCRATCH" not in os.environ:  # else a test started this process
    os.environ["TEST_SCRATCH"] = tempfile.mkdtemp(prefix="interlock-tests-")
    atexit.register(shutil.rmtree, os.environ["TEST_SCRATCH"], ignore_errors=True)
_SCRATCH = Path(os.environ["TEST_SCRATCH"])

for _name in ("REDIS_URL", "BROKER_URL"):  # where the tests' services are, not what this process uses
    if _url := os.environ.pop(_name, None):
        os.environ[f"TEST_{_name}"] = _url
for _name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "INTERLOCK_REACH", "INTERLOCK_TOOLS", "ALLOWED_HOSTS"):
    os.environ.pop(_name, None)
os.environ["INTERLOCK_DATA"] = str(_SCRATCH)
if os.environ.get("DATABASE_URL"):
    os.environ.update(SECRET_KEY="t" * 50, SECRETS_KEY="t" * 43 + "=", ALLOWED_HOSTS="localhost,127.0.0.1,testserver")

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES, EMBEDDED  # noqa: E402

SCRATCH = _SCRATCH
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = False
SECURE_HSTS_SECONDS = 0
ACCOUNT_RATE_LIMITS = False
POOL = DATABASES["default"]["OPTIONS"].pop("pool", None)  # it would hold the test database when that is dropped
if EMBEDDED:
    # A file, not memory: threads, sockets and worker processes of the tests open it too. No power cut is tested.
    DATABASES["default"]["TEST"] = {"NAME": _SCRATCH / "test.sqlite3"}
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
else:
    DATABASES["default"]["TEST"] = {"NAME": f"interlock_test_{secrets.token_hex(6)}"}
    DATABASES["default"]["OPTIONS"]["options"] += " -c synchronous_commit=off"
