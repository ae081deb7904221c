"""Definitions and inputs from the command line that are no good: one line says where and what to do, and nothing is stored."""

from pathlib import Path

import pytest

from orchestration.models import Run, Version, Workflow
from orchestration.record.pack import unpack_all
from tests.corpora import definitions, values
from tests.engine.test_commands import good, told

__all__ = ["good"]

pytestmark = pytest.mark.django_db


def test_what_can_not_be_read_is_said_in_one_line_and_stored_nowhere(tmp_path: Path) -> None:
    """Through check and push, and a run's input too."""
    for which, bad in definitions.UNREADABLE.items():
        path = tmp_path / "bad.yaml"
        path.write_bytes(bad.text)
        for verb in ("check", "push"):
            if verb == "check" and bad.code in ("missing_key", "bad_id") and which != "no id":
                continue
            status, lines = told("workflow", verb, str(path))
            assert status == 1, which
            assert [line for line in lines if line.startswith(str(path)) and bad.code in line], (which, lines)
            assert all(len(line) < 500 for line in lines), which
    assert not Workflow.objects.exists()


def test_what_is_wrong_in_a_file_is_said_with_its_line_and_not_published(tmp_path: Path) -> None:
    for which, (definition, code, place) in definitions.WRONG.items():
        path = tmp_path / "wrong.yaml"
        path.write_bytes(definitions.texts(definition)[definitions.YAML])
        status, lines = told("workflow", "push", "--publish", str(path))
        assert status == 1, which
        assert [line for line in lines if line.startswith(f"{path}:") and f" {code} " in line and f"({place})" in line], lines
    assert not Version.objects.exists()


def test_an_input_that_can_not_be_read_starts_no_run(good: str) -> None:
    told("workflow", "push", good, "--publish")
    for which, case in {**values.UNREAD, **values.WRONG}.items():
        given = Path(good).with_name("input.json")
        given.write_bytes(case.within('{"text": %s}'))
        status, lines = told("workflow", "run", "asking", "--input", f"@{given}")
        assert (status, len(lines)) == (1, 1), which
        assert lines[0].endswith(f"({case.code})"), which
        assert case.code not in ("not_a_number", "duplicate_key", "wrong_type") or "input.text" in lines[0], lines
    assert not Run.objects.exists()
    for case in {**values.GOOD, **values.MENDED}.values():
        given.write_bytes(case.within('{"text": %s}'))
        _, (run,) = told("workflow", "run", "asking", "--input", f"@{given}", "--key", "a\0b")
        assert unpack_all([Run.objects.get(id=run, key="a\ufffdb").input])[0] == {"text": case.becomes}
