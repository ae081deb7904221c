"""The repository tests itself: what must not be in it, and what has to be written down."""

import re
from pathlib import Path

import pytest

from config.env import Env
from tests.mutants import MUTANTS, Mutant
from tests.repo import tree

TEMPLATES = sorted((tree.ROOT / "templates").rglob("*.html"))
COMMANDS = sorted((tree.ROOT / "orchestration" / "management" / "commands").glob("[a-z]*.py"))
_COMMENT = re.compile(r"{#.*?#}|{% comment.*?endcomment %}|<!--.*?-->", re.DOTALL)
_INLINE = {
    "a script inside the page": re.compile(r"<script(?![^>]*\b(?:src|nonce)=)[^>]*>", re.IGNORECASE),
    "a style inside the page": re.compile(r"<style(?![^>]*\bnonce=)[^>]*>", re.IGNORECASE),
    "a style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.IGNORECASE),
    "an event attribute": re.compile(r"<[^>{%]*\son[a-z]+\s*=|\shx-on", re.IGNORECASE),
    "a javascript: address": re.compile(r"javascript:", re.IGNORECASE),
    "something from another host": re.compile(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=[\"'](?:https?:)?//", re.IGNORECASE),
}


def test_the_tree_holds_no_address_of_a_registry_and_no_path_of_a_machine() -> None:
    assert tree.unclean() == []


def test_what_must_not_be_in_the_tree_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {
        "requirements.txt": "django==5.2\n",
        "requirements-dev.txt": "--index-url https://mirror.example/simple\n",
        "notes.md": "see " + "https://py" + "pi.org/project/x",
        "a.py": "PATH = '/ro" + "ot/.cache/x'\n",
        "good.md": "data/keys, docs/work/plan, https://example.test, ~/root",
    }
    for name, text in rows.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(tree, "ROOT", tmp_path)
    monkeypatch.setattr(tree, "files", lambda: sorted(tmp_path.iterdir()))
    assert {line.split(":")[0] for line in tree.unclean()} == rows.keys() - {"good.md"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(tree.ROOT / "templates")))
def test_a_template_holds_nothing_that_the_security_policy_forbids(path: Path) -> None:
    text = _COMMENT.sub("", path.read_text(encoding="utf-8"))
    assert [what for what, pattern in _INLINE.items() if pattern.search(text)] == []


@pytest.fixture(scope="module")
def readme() -> str:
    return (tree.ROOT / "README.md").read_text(encoding="utf-8")


def test_every_variable_of_the_environment_is_documented(readme: str) -> None:
    assert [name.upper() for name in Env.model_fields if f"`{name.upper()}`" not in readme] == []


def test_every_command_is_documented(readme: str) -> None:
    assert [path.stem for path in COMMANDS if f"manage.py {path.stem}" not in readme] == []


def test_every_make_target_is_documented() -> None:
    targets = re.findall(r"^([a-z]+):.*## ", (tree.ROOT / "Makefile").read_text(), re.MULTILINE)
    written = "".join((tree.ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md"))
    assert [target for target in targets if target != "help" and f"make {target}" not in written] == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_can_still_be_made(mutant: Mutant) -> None:
    """What it changes stands in its file once, and the tests that are to catch it are there."""
    text = (tree.ROOT / mutant.file).read_text(encoding="utf-8")
    assert [old for old, new in mutant.changes if text.count(old) != 1 or old == new] == []
    assert mutant.tests
    for tests in mutant.tests:
        file, _, chosen = tests.partition(" -k ")
        assert chosen in (tree.ROOT / file).read_text(encoding="utf-8"), tests
