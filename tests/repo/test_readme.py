"""The curl lines of the README and of docs/designer.md do what they say, and its roles may what it says."""

import asyncio
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from orchestration import samples
from orchestration.acts import tokens
from orchestration.core.catalog import Catalog
from orchestration.core.definition import from_data
from orchestration.core.plan import compile_plan
from orchestration.core.proof import prove
from orchestration.models import DraftEdit, Run
from orchestration.roles import Role
from orchestration.tools import python, registry
from tests import described
from tests.core.drawn import flow
from tests.repo import tree

ROLES: dict[Role, dict[str, set[str]]] = {
    Role.VIEWER: {
        "look at workflows, schedules, runs, kept events, the inbox, providers and tools": {
            *("list_schedules", "get_schedule", "list_events", "get_event"),
            *("list_workflows", "get_workflow", "list_versions", "get_version", "diff_workflow", "list_history"),
            *("list_runs", "get_run", "list_records", "get_state", "list_escalations", "get_escalation"),
            *("list_providers", "get_provider", "list_tools", "get_tool"),
        },
        "make API tokens of their own": set(),  # on a page alone
    },
    Role.OPERATOR: {
        "start and cancel runs": {"start_run", "cancel_run"},
        "pause and resume schedules": {"pause_schedule", "resume_schedule"},
        "send events": {"send_event"},
        "claim and answer what waits in the inbox": {
            *("claim_escalation", "release_escalation", "save_draft", "preview_answer", "resolve_escalation"),
        },
    },
    Role.DESIGNER: {
        "check, try, edit, publish and retire workflows": {
            *("check_workflow", "try_one_step", "push_workflow", "publish_workflow", "retire_workflow", "reinstate_workflow"),
            *("edit_draft", "undo_edit", "redo_edit"),
        },
        "write and delete schedules": {"make_schedule", "check_schedule", "put_schedule", "delete_schedule"},
        "see the names of secrets": {"list_secrets", "get_secret"},
    },
    Role.ADMIN: {
        "write and delete providers, tools and secrets": {
            *("put_provider", "put_tool", "put_secret", "delete_provider", "delete_tool", "delete_secret"),
        },
        "keep accounts": set(),  # on a page alone
    },
}
"""What the README says that a role may besides those before it, and the operations of the API that this means."""


def test_a_role_may_what_the_readme_says_and_no_operation_is_left_out() -> None:
    text = (tree.ROOT / "README.md").read_text(encoding="utf-8")
    for role, rights in ROLES.items():
        assert f"| {role} | {'; '.join(rights)} |" in text
    needed: dict[str, set[str]] = {role: set() for role in Role}
    for methods in described.document()["paths"].values():
        for operation in methods.values():
            role = re.search(r"For the role (\w+) and those above", operation["description"])
            assert role
            needed[role[1]].add(operation["operationId"])
    assert needed == {role: set().union(*rights.values()) for role, rights in ROLES.items()}


def test_its_tool_runs_as_it_stands_and_its_answer_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (tree.ROOT / "README.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "shop.py").write_text(example, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(registry, "REGISTERED", {})
    catalog = Catalog(tools=registry.load(["shop"]))
    read = {"id": "b", "type": "set", "values": {"x": "${steps.a.pieces + 1}"}, "next": "done"}
    definition = flow({"id": "a", "type": "tool", "tool": "stock.level", "input": {"sku": "x"}, "next": "b"}, read, models={})
    assert prove(compile_plan(from_data(definition), catalog)).problems == ()

    async def call() -> Any:
        async with python.PythonPool(["shop"], size=1) as pool:
            return await python.perform(python.build(catalog.tools["stock.level"], {"sku": "x"}, "k", 60), {}, pool)

    assert asyncio.run(call()).output == {"pieces": 7}


def test_its_lines_over_http_run_as_they_stand(site: str, admin: User, settings: Any) -> None:
    settings.EMBEDDED = True
    samples.install(int(site.rpartition(":")[2]))
    token = tokens.create(user=admin, name="readme", by=admin.username)
    for name in ("README.md", "docs/designer.md"):
        text = (tree.ROOT / name).read_text(encoding="utf-8")
        found = re.search(r"<!-- api -->\n```sh\n(.*?)```\n<!-- /api -->", text, re.DOTALL)
        assert found
        script = "set -eo pipefail\n" + found[1].replace("curl -sS", "curl -sS --fail-with-body").replace("wait=10", "wait=0")
        environment = {**os.environ, "TOKEN": token, "INTERLOCK": site}
        done = subprocess.run(["bash", "-c", script], cwd=tree.ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert Run.objects.get().key == ""
    assert [entry.undone for entry in DraftEdit.objects.all()] == [True]
