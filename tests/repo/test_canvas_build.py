"""The canvas is made with whatever Node there is. Where there is none to be had, the product serves without, and says so."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.repo import tree

NEEDED = ("sh", "cat", "cksum", "find", "sort", "dirname", "rm")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A tree on a machine without Node, whose Python can install nothing."""
    shutil.copytree(tree.ROOT / "canvas", tmp_path / "canvas", ignore=shutil.ignore_patterns("node_modules"))
    (tmp_path / ".ci").mkdir()
    shutil.copy(tree.ROOT / ".ci" / "canvas", tmp_path / ".ci")
    for folder in (".venv/bin", "bin", "static"):
        (tmp_path / folder).mkdir(parents=True)
    python = tmp_path / ".venv/bin/python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    for name in NEEDED:
        found = shutil.which(name)
        assert found, name
        (tmp_path / "bin" / name).symlink_to(found)
    return tmp_path


@pytest.mark.parametrize(("task", "code"), [("wanted", 0), ("needed", 1), ("types", 1)])
def test_where_there_is_no_node_it_says_so_and_only_who_needs_the_canvas_stops(place: Path, task: str, code: int) -> None:
    environment = {**os.environ, "PATH": str(place / "bin")}
    told = subprocess.run(["sh", ".ci/canvas", task], cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == code, told.stderr
    assert "The canvas was not made: there is no Node 18 or newer" in told.stderr
    assert ("All else works" in told.stderr) == (task == "wanted")
    assert not (place / "static" / "built").exists()


def test_what_it_is_made_with_is_locked_by_hash_and_runs_nothing_when_it_is_installed() -> None:
    assert "ignore-scripts=true" in (tree.ROOT / "canvas" / ".npmrc").read_text()
    lock = (tree.ROOT / "canvas" / "package-lock.json").read_text()
    assert lock.count('"integrity": "sha512-') == lock.count('"node_modules/')
