"""The command line: exit codes, problems with file and line, and the token as the last word."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from orchestration.acts import tokens
from orchestration.core import source
from orchestration.models import ApiToken, Run, Version, Workflow
from orchestration.roles import Role
from tests import factories

pytestmark = pytest.mark.django_db


def told(*arguments: str) -> tuple[int, list[str]]:
    """The exit code, and the lines that were printed."""
    out = StringIO()
    try:
        call_command(*arguments, stdout=out)
    except SystemExit as left:
        return int(str(left.code)), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.yaml"
    path.write_text(source.write(factories.asking()), encoding="utf-8")
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.yaml"
    path.write_text(source.write(factories.asking()).replace("next: ask", "next: aks"), encoding="utf-8")
    return str(path)


def test_check_says_what_is_wrong_and_where(good: str, bad: str) -> None:
    status, lines = told("workflow", "check", good)
    assert (status, lines) == (0, [f"{good}: good; at most 3 steps, 0 calls, $0.00"])
    status, lines = told("workflow", "check", good, bad)
    line = 1 + Path(bad).read_text().splitlines().index(next(x for x in Path(bad).read_text().splitlines() if "aks" in x))
    assert status == 1
    assert [text for text in lines if text.startswith(f"{bad}:{line}: unknown_step ")], lines
    assert not Workflow.objects.exists()
    with pytest.raises(CommandError, match="can't be read"):
        told("workflow", "check", bad + ".gone")


def test_push_stores_and_publishes(good: str, bad: str, tmp_path: Path) -> None:
    assert told("workflow", "push", bad)[0] == 0, "a draft may be wrong"
    assert told("workflow", "push", bad, "--publish")[0] == 1
    assert not Version.objects.exists()
    assert told("workflow", "push", good, "--publish")[1][-1] == f"{good}: asking version 1"
    nameless = tmp_path / "nameless.yaml"
    nameless.write_text("interlock: 1\n")
    assert told("workflow", "push", str(nameless))[1][-1] == f"{nameless}: not stored"


def test_run_starts_and_waits(good: str, tmp_path: Path) -> None:
    told("workflow", "push", good, "--publish")
    status, lines = told("workflow", "run", "asking", "--input", '{"text": "Hello"}', "--key", "T-1")
    assert (status, lines) == (0, [Run.objects.get(key="T-1").id])
    given = tmp_path / "input.json"
    given.write_text('{"text": 7}')
    status, lines = told("workflow", "run", "asking", "--input", f"@{given}")
    assert (status, lines) == (1, ["asking: input.text must be text; it is 7. (wrong_type)"])
    status, lines = told("workflow", "run", "asking", "--input", "{")
    assert (status, lines[0][:26], lines[0].split()[-1]) == (1, "asking: It is not JSON: a ", "(not_json)")
    with pytest.raises(CommandError, match="There is no published version of nothing"):
        told("workflow", "run", "nothing")
    with pytest.raises(CommandError, match="is ready still"):
        told("workflow", "run", "asking", "--input", '{"text": "Hello"}', "--wait", "--patience", "0")


def test_one_run_is_one_run_on_the_console(good: str) -> None:
    told("workflow", "push", good, "--publish")
    assert told("fsck")[1] == ["Sound: 0 runs and 0 step records keep every invariant."]
    told("workflow", "run", "asking", "--input", '{"text": "Hello"}')
    assert told("fsck")[1] == ["Sound: 1 run and 0 step records keep every invariant."]


def test_waiting_for_a_run_tells_how_it_ended(good: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.acts import runs

    told("workflow", "push", good, "--publish")
    start = runs.start

    def moved(**given: Any) -> str:
        run = start(**given)
        factories.move(Run.objects.get(id=run))
        return run

    monkeypatch.setattr(runs, "start", moved)
    status, lines = told("workflow", "run", "asking", "--input", '{"text": "Hello"}', "--wait")
    assert status == 2
    assert '"status":"waiting"' in lines[1]


def test_a_token_is_the_last_word(operator: User, designer: User) -> None:
    status, lines = told("token", "--user", "otto", "--name", "CI", "--days", "7")
    bearer = tokens.bearer(lines[-1].split()[-1])
    assert status == 0
    assert bearer is not None
    end = ApiToken.objects.latest("id").expires
    assert end is not None
    assert lines[-1].startswith(f"The token CI of otto, good until {end:%Y-%m-%d %H:}")
    assert (bearer.user, bearer.role) == (operator, Role.OPERATOR)
    less = tokens.bearer(told("token", "dora", "--role", "viewer")[1][-1].split()[-1])
    assert less is not None
    assert less.role is Role.VIEWER
    with pytest.raises(CommandError, match=r"There is no account nobody\. There are: dora, otto"):
        told("token", "nobody")
    with pytest.raises(CommandError, match="Say whom"):
        told("token")
