"""A process that has just begun: what its first request would else wait for is there before it comes."""

import os
import subprocess
import sys

FIRST = """
import sys
import django
django.setup()
from config.pages import application
pages = application()
from django.template import Template, engines
from django.test import Client
from orchestration.management.warm import warm
warm()
read = []
init = Template.__init__
Template.__init__ = lambda self, text, origin=None, *more: (read.append(str(origin)), init(self, text, origin, *more))[1]
known = set(sys.modules)
answer = Client(HTTP_HOST="localhost").get("/account/login/")
assert answer.status_code == 200, answer.status_code
engines["django"].get_template("workflows/design.html")
own = [name for name in read if "/django/forms/" not in name]
print(sorted(set(sys.modules) - known), own, "dashboard.pages.canvas" in known)
"""


def test_the_first_request_of_a_process_imports_nothing_and_reads_no_template(tmp_path: os.PathLike[str]) -> None:
    environ = {**os.environ, "INTERLOCK_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    for name in ("DATABASE_URL", "REDIS_URL", "BROKER_URL"):
        environ.pop(name, None)
    asked = subprocess.run([sys.executable, "-c", FIRST], env=environ, capture_output=True, text=True, check=False)
    assert (asked.stdout, asked.returncode) == ("[] [] True\n", 0), asked.stdout + asked.stderr
