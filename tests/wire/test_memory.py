"""However much the other side sends, and however little of it is what it seems: memory stays within a few times the cap."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ScriptedServer, behaviours
from tests.wire.hungry import TEN, TEXTS

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux alone tells the peak of a process")
BOMB = 64_000_000


def hungry(*arguments: str) -> list[tuple[int, str]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.wire.hungry", *arguments], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return [(int(peak), found) for peak, _, found in (line.partition(" ") for line in done.stdout.splitlines())]


def test_four_answers_of_fifty_megabytes_at_once_cost_what_is_read_of_them(server: ScriptedServer) -> None:
    for path, behaviour in (("/a", behaviours.large()), ("/b", behaviours.large(announced=True)), ("/c", behaviours.bomb(BOMB))):
        server.default(behaviour, path=path)
    found = hungry(server.place, "/a", "/b", "/c")
    assert [code for _, code in found] == ["too_large"] * 3
    assert all(peak < 10 * TEN for peak, _ in found), found
    assert server.written[0] < 4 * 3 * TEN, "the server was told early that nobody reads on"


def test_ten_megabytes_of_nothing_are_refused_before_anything_is_made_of_them() -> None:
    found = hungry()
    assert [code for _, code in found] == ["too_large"] * (len(TEXTS) - 1) + ["read"]
    assert all(peak < 4 * TEN for peak, _ in found), found
