"""The README's curl lines do what they say."""

import os
import re
import subprocess
from typing import Any

from django.contrib.auth.models import User

from orchestration import samples
from orchestration.acts import tokens
from orchestration.models import Run
from tests.repo import tree


def test_its_lines_over_http_run_as_they_stand(site: str, admin: User, settings: Any) -> None:
    settings.EMBEDDED = True
    samples.install(int(site.rpartition(":")[2]))
    token = tokens.create(user=admin, name="readme", by=admin.username)
    text = (tree.ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- api -->\n```sh\n(.*?)```\n<!-- /api -->", text, re.DOTALL)
    assert found
    script = "set -e\n" + found[1].replace("curl -sS", "curl -sS --fail-with-body").replace("wait=10", "wait=0")
    environment = {**os.environ, "TOKEN": token, "INTERLOCK": site}
    done = subprocess.run(["bash", "-c", script], cwd=tree.ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert Run.objects.get().key == ""
