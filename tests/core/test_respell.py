"""A text that is respelled says what it should, and nothing else in it moves."""

import difflib
from copy import deepcopy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from orchestration.core.alike import same
from orchestration.core.errors import Unreadable
from orchestration.core.respell import respell
from orchestration.core.source import read, write, write_inline
from orchestration.core.values import dump

TEXT = some.characters(exclude_categories=["Cs"], exclude_characters="\0")
WORDS = some.sampled_from(
    [
        *(
            "a",
            "",
            "yes",
            "1",
            "null",
            "a: b",
            "# no",
            "- x",
            "{a}",
            "two\nlines\n",
            "two\nlines",
            "end\n\n",
            " lead",
            "trail ",
            "\n",
        ),
        *(
            "\ttab",
            "\u2028odd",
            "\x85",
            "é🙂",
            "x" * 130,
            "word " * 40,
            "'",
            '"',
            "${a}",
            "a\n# b\n c",
            "!t",
            "&a",
            "*a",
            "%",
            "@",
            "|",
        ),
    ]
)
SCALARS = some.one_of(
    WORDS, some.text(TEXT, max_size=12), some.none(), some.booleans(), some.integers(-5, 2**40), some.sampled_from([0.5, 3.0])
)
KEYS = some.one_of(
    some.sampled_from(["id", "next", "prompt", "body", "to", "a b", "1", "no: pe", "#", "-"]), some.text(TEXT, max_size=3)
)
VALUES = some.recursive(
    SCALARS, lambda inner: some.one_of(some.lists(inner, max_size=4), some.dictionaries(KEYS, inner, max_size=4)), max_leaves=12
)
STEPS = some.builds(
    lambda name, more: {"id": name, **more}, some.sampled_from("abcdefgh"), some.dictionaries(KEYS, VALUES, max_size=4)
)
DOCUMENTS = some.builds(
    lambda more, steps: {"interlock": 1, **more, "steps": steps},
    some.dictionaries(KEYS, VALUES, max_size=4),
    some.lists(STEPS, max_size=5),
)


class Loose(yaml.SafeDumper):
    """As others write: lists not indented, everything folded at 40 characters."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def spelled(data: Any, draw: Any) -> str:
    """One of the ways in which it may have been written."""
    way = draw(some.sampled_from(["ours", "loose", "flow", "inline", "json", "indented json"]))
    if way in ("json", "inline", "indented json"):
        text = {"json": dump, "inline": write_inline, "indented json": lambda data: yaml.dump(data, allow_unicode=True)}[way](
            data
        )
    elif way == "ours":
        text = write(data)
    else:
        text = yaml.dump(
            data, Dumper=Loose, sort_keys=False, allow_unicode=True, width=40, default_flow_style=None if way == "flow" else False
        )
    lines = text.split("\n")
    for at, what in draw(
        some.lists(some.tuples(some.integers(0, 40), some.sampled_from(["", "# said", "  # deep", "   "])), max_size=6)
    ):
        lines.insert(min(at, len(lines)), what)
    noted = "\n".join(lines)
    text = noted if _reads_as(noted, data) else text
    behind = "\n".join(f"{line}  # {n}" if n % 3 == 0 else line for n, line in enumerate(text.split("\n")))
    text = behind if draw(some.booleans()) and _reads_as(behind, data) else text
    crlf = text.replace("\n", "\r\n")
    text = crlf if draw(some.booleans()) and _reads_as(crlf, data) else text
    bare = text.rstrip("\r\n")
    return bare if draw(some.booleans()) and _reads_as(bare, data) else text


def _reads_as(text: str, data: Any) -> bool:
    try:
        return same(read(text).data, data)
    except Unreadable:
        return False


def edited(data: Any, draw: Any) -> Any:
    """The data after some changes at places of it: set, taken away, put in, moved."""
    data = deepcopy(data)
    for _ in range(draw(some.integers(1, 4))):
        holders = list(_holders(data))
        holder = holders[draw(some.integers(0, len(holders) - 1))]
        what = draw(some.sampled_from(["set", "take", "put", "move", "rename"]))
        if isinstance(holder, dict):
            keys = list(holder)
            key = keys[draw(some.integers(0, len(keys) - 1))] if keys else None
            if what == "put" or key is None:
                holder[draw(KEYS)] = draw(VALUES)
            elif what == "take":
                del holder[key]
            elif what == "rename":
                value = holder.pop(key)
                holder[draw(KEYS)] = value
            else:
                holder[key] = draw(VALUES)
        elif what == "put" or not holder:
            holder.insert(draw(some.integers(0, len(holder))), draw(some.one_of(VALUES, STEPS)))
        else:
            at = draw(some.integers(0, len(holder) - 1))
            if what == "set":
                holder[at] = draw(VALUES)
            else:
                value = holder.pop(at)
                if what == "move":
                    lists = [other for other in _holders(data) if isinstance(other, list)]
                    other = lists[draw(some.integers(0, len(lists) - 1))] if lists else data.setdefault("steps", [])
                    other.insert(draw(some.integers(0, len(other))), value)
    return data


def _holders(data: Any) -> Any:
    if isinstance(data, dict | list):
        yield data
        for inner in data.values() if isinstance(data, dict) else data:
            yield from _holders(inner)


@given(some.data())
def test_whatever_is_changed_in_whatever_text_reads_as_it_should(data: Any) -> None:
    before = data.draw(DOCUMENTS)
    text = spelled(before, data.draw)
    if not _reads_as(text, before):
        return  # what others write need not be what we read
    after = edited(before, data.draw)
    found = respell(text, read(text), after)
    assert same(read(found.text).data, after)
    assert same(found.source.data, after)
    assert respell(text, read(text), before).text == text


YAML = """\
# Ours
interlock: 1   # the format
id: w
title: "Say 'why'"  # kept

steps:
  # first of all
  - id: a   # its id
    type: set
    values: {x: 1, y: "two"}   # inline
    next: b

  # asks
  - id: b
    type: llm
    prompt: |   # to the model
      Hello {{ x }}

      bye
    cases:
      - {when: "x", to: a}
      # rarely
      - {when: "y", to: b}
    # last words

  - {id: c, type: end, outcome: done}
# the end
"""
EACH: dict[str, tuple[Any, list[str]]] = {
    "a value": (lambda d: d.update(title="Because"), ["-title: \"Say 'why'\"  # kept", "+title: Because  # kept"]),
    "a key": (lambda d: d["steps"][0].update(note="n"), ["+    note: n"]),
    "a key of a document": (lambda d: d.update(layout={"at": {"a": [1, 2]}}), ["+layout:", "+  at:", "+    a: [1, 2]"]),
    "a key in braces": (
        lambda d: d["steps"][0]["values"].update(z="a: b"),
        ['-    values: {x: 1, y: "two"}   # inline', "+    values: {x: 1, y: \"two\", z: 'a: b'}   # inline"],
    ),
    "the name of a key": (
        lambda d: d["steps"][0].update(values={"X": 1, "y": "two"}),
        ['-    values: {x: 1, y: "two"}   # inline', '+    values: {X: 1, y: "two"}   # inline'],
    ),
    "a text": (
        lambda d: d["steps"][1].update(prompt="one\ntwo\n"),
        ["-      Hello {{ x }}", "-", "-      bye", "+      one", "+      two"],
    ),
    "a text that becomes a word": (
        lambda d: d["steps"][1].update(prompt="Hi"),
        ["-    prompt: |   # to the model", "-      Hello {{ x }}", "-", "-      bye", "+    prompt: Hi   # to the model"],
    ),
    "an item between others": (
        lambda d: d["steps"][1]["cases"].insert(1, {"when": "q", "to": "c"}), ["+      - {when: q, to: c}"],
    ),
    "a step that goes": (lambda d: d["steps"].pop(0), [f"-{line}" for line in YAML.split("\n")[6:12]]),
    "a step that comes": (
        lambda d: d["steps"].insert(1, {"id": "n", "type": "set", "next": "z"}),
        ["+", "+  - id: n", "+    type: set", "+    next: z"],
    ),
}  # fmt: skip


def lines(before: str, after: str) -> list[str]:
    found = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return [line for line in found if not line.startswith(("---", "+++", "@@"))]


def changed(text: str, change: Any) -> str:
    given = read(text)
    data = deepcopy(given.data)
    change(data)
    return respell(text, given, data).text


@pytest.mark.parametrize(("change", "expected"), EACH.values(), ids=EACH)
@pytest.mark.parametrize("line_break", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_only_the_lines_of_what_changed_are_written_anew(change: Any, expected: list[str], line_break: str) -> None:
    found = changed(YAML.replace("\n", line_break), change)
    assert line_break == "\n" or found.count("\n") == found.count("\r\n")
    assert lines(YAML, found) == expected


def test_a_step_that_moves_takes_its_text_with_it_comments_and_all() -> None:
    text = YAML.replace(
        "  - {id: c,", "  - id: loop\n    type: loop\n    body:\n      - id: inner\n        type: set\n  - {id: c,"
    )

    def into(data: Any) -> None:
        step = data["steps"].pop(1)
        step["next"] = "inner"
        data["steps"][1]["body"].insert(0, step)

    found = changed(text, into)
    moved = text[text.index("  # asks") : text.index("    # last words")].rstrip("\n")
    assert "\n".join(f"    {line}" if line else "" for line in moved.split("\n")) in found
    back = changed(found, lambda d: d["steps"].insert(1, d["steps"][1]["body"].pop(0)) or d["steps"][1].pop("next"))
    assert [line for line in lines(text, back) if line[1:]] == []


def test_json_stays_json() -> None:
    text = '{\n  "id": "w",\n  "steps": [\n    {"id": "a", "x": 1},\n    {"id": "b", "x": "\\ud83d\\ude42"}\n  ]\n}\n'
    assert lines(text, changed(text, lambda d: d["steps"][0].update(y="\n"))) == [
        '-    {"id": "a", "x": 1},',
        '+    {"id": "a", "x": 1, "y": "\\n"},',
    ]
    assert lines(text, changed(text, lambda d: d["steps"].pop(1))) == [
        '-    {"id": "a", "x": 1},', '-    {"id": "b", "x": "\\ud83d\\ude42"}', '+    {"id": "a", "x": 1}',
    ]  # fmt: skip
    assert changed('{"a":\t1}', lambda d: d.clear()).strip() == "{}"


def test_what_no_text_can_hold_is_refused() -> None:
    deep: Any = 1
    for _ in range(70):
        deep = [deep]
    for value in (deep, 2**70, "a\0b"):
        with pytest.raises(Unreadable):
            changed(YAML, lambda d, value=value: d.update(title=value))
