"""Changes of one text, each at the smallest place of it that can be written anew alone: a value behind its key or dash, a line of
a block, an entry in braces. Places are those of the text as it was.

A comment right above an entry goes where it goes, one behind a value stays; blank lines between items stay between items.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from orchestration.core.alike import aligned, same
from orchestration.core.source import write, write_inline
from orchestration.core.spans import Node

_WIDE = 110
"""Characters of a line in braces from which on it is written as a block instead."""
_COLON = re.compile(r"[ \t]*:")
_COMMENT = re.compile(r"[ \t]+#.*\Z")
_BLANK = re.compile(r"\r?\n[ \t]*(?=\r?\n)")


def is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


class Odd(Exception):
    """It is spelled as nothing here knows how to change."""


@dataclass(slots=True)
class _Hold:
    """What holds a value: a key or a dash of a block. `after` is the place behind its colon, or behind it."""

    column: int
    after: int


@dataclass(slots=True)
class _Entry:
    """A key with its value, or an item of a list, as it stands: from its key or dash to the end of its value."""

    start: int
    end: int
    node: Node
    hold: _Hold | None


@dataclass(slots=True)
class _Step:
    """An item of a block list that has an id: where it goes, its text goes too."""

    entry: _Entry
    start: int
    column: int
    data: Any


class Spelling:
    """The changes of one text. Places are those of the text as it was; changes at one place come in the order in which they were
    made."""

    def __init__(self, text: str, root: Node, data: Any, depth: int) -> None:
        """What is deeper than `depth` is written anew as a whole."""
        self.text, self.root, self.data, self.depth = text, root, data, depth
        self.json = text.lstrip("\ufeff \t\r\n").startswith("{") and is_json(text)
        self.line_break = "\r\n" if "\r\n" in text else "\n"
        self.changes: list[tuple[int, int, str]] = []

    def result(self) -> str:
        return self.applied(0, len(self.text))

    def applied(self, start: int, end: int) -> str:
        parts, here = [], start
        for begins, ends, new in sorted(self.changes, key=lambda change: change[:2]):
            if begins < here or ends > end:
                raise Odd
            parts += [self.text[here:begins], new]
            here = ends
        return "".join([*parts, self.text[here:end]])

    def put(self, start: int, end: int, new: str) -> None:
        self.changes.append((start, end, new.replace("\n", self.line_break) if self.line_break != "\n" else new))

    # What differs

    @cached_property
    def steps(self) -> dict[str, _Step]:
        """The items of block lists that have an id, to be found again where they move to."""
        found: dict[str, _Step] = {}
        self._index(self.root, self.data, found)
        return found

    def _index(self, node: Node, data: Any, found: dict[str, _Step]) -> None:
        if node.kind == "list" and not node.flow:
            floor = 0
            for entry, item in zip(self.entries(node), data, strict=True):
                if isinstance(item, dict) and isinstance(item.get("id"), str) and self.is_first(entry.start):
                    start, floor = self.line_start(self.lead(entry.start, node.column, floor)), entry.end
                    found.setdefault(item["id"], _Step(entry, start, node.column, item))
        for inner, value in zip(node.items, data.values() if node.kind == "map" else data, strict=True):
            if inner.kind != "scalar":
                self._index(inner, value, found)

    def change(self, node: Node, old: Any, new: Any, hold: _Hold | None, depth: int) -> None:
        if same(old, new):
            return
        alike = node.kind == "map" if isinstance(new, dict) else node.kind == "list" and isinstance(new, list)
        block = hold is not None or (not node.flow and node.kind != "scalar")
        if not alike or not old or not new or depth >= self.depth or (node.flow and block and self.too_wide(node, old, new)):
            self.replace(node, new, hold)
        elif node.kind == "map":
            self.change_map(node, old, new, hold, depth)
        else:
            self.change_list(node, old, new, hold, depth)

    def change_map(self, node: Node, old: dict[str, Any], new: dict[str, Any], hold: _Hold | None, depth: int) -> None:
        names, entries = list(old), self.entries(node)
        gone = [name for name in names if name not in new]
        fresh = [name for name in new if name not in old]
        if len(gone) == len(fresh) == 1 and same(old[gone[0]], new[fresh[0]]):
            key = node.keys[names.index(gone[0])]
            self.put(key.start, key.end, self.key(fresh[0], node.flow))
            gone, fresh = [], []
        if len(gone) == len(names):
            self.replace(node, new, hold)
            return
        for entry, name in zip(entries, names, strict=True):
            if name in new:
                self.change(entry.node, old[name], new[name], entry.hold, depth + 1)
        kept = [name not in gone for name in names]
        after, added = -1, []
        for name, value in new.items():
            if name in old:
                after = names.index(name)
            elif name in fresh:
                added.append((after, self.spelled(node, value, name)))
        self.rearrange(node, entries, kept, added)

    def change_list(self, node: Node, old: list[Any], new: list[Any], hold: _Hold | None, depth: int) -> None:
        entries = self.entries(node)
        kept, added, after = [False] * len(old), [], -1
        pairs = list(aligned(old, new))
        for before, now in pairs:
            if before is not None and now is not None:
                kept[before] = True
        if not any(kept):
            self.replace(node, new, hold)
            return
        for before, now in pairs:
            if before is not None and now is not None:
                self.change(entries[before].node, old[before], new[now], entries[before].hold, depth + 1)
                after = before
            elif now is not None:
                added.append((after, self.moved(node, new[now], depth) or self.spelled(node, new[now])))
        self.rearrange(node, entries, kept, added)

    def moved(self, node: Node, value: Any, depth: int) -> str | None:
        """The text of a step that stands elsewhere so far, with what is around it."""
        name = value.get("id") if isinstance(value, dict) and not node.flow else None
        step = self.steps.get(name) if isinstance(name, str) else None
        if step is None:
            return None
        outer, self.changes = self.changes, []
        try:
            self.change(step.entry.node, step.data, value, step.entry.hold, depth + 1)
            text = self.applied(step.start, self.line_end(step.entry.end))
        except Odd:
            return None
        finally:
            self.changes = outer
        lines = text.replace("\r\n", "\n").split("\n")
        return "\n".join(_indented(line, node.column - step.column) for line in lines)

    # Where it stands

    def entries(self, node: Node) -> list[_Entry]:
        found: list[_Entry] = []
        for index, item in enumerate(node.items):
            if node.kind == "map":
                key = node.keys[index]
                colon = None if node.flow else _COLON.match(self.text, key.end)
                if colon is None and not node.flow:
                    raise Odd
                hold = _Hold(node.column, colon.end()) if colon else None
                found.append(_Entry(key.start, max(item.end, key.end), item, hold))
            elif node.flow:
                found.append(_Entry(item.start, item.end, item, None))
            else:
                dash = self.dash(item.start, node.column, found[-1].end if found else node.start)
                found.append(_Entry(dash, max(item.end, dash + 1), item, _Hold(node.column, dash + 1)))
        return found

    def dash(self, at: int, column: int, floor: int) -> int:
        """Of the item that begins at `at`."""
        line = self.line_start(at)
        while line + column >= floor:
            if self.text[line + column : line + column + 1] == "-" and line + column <= at:
                return line + column
            if line == 0:
                break
            line = self.line_start(line - 1)
        raise Odd

    def line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        end = self.text.find("\n", at)
        end = len(self.text) if end < 0 else end
        return end - (end > at and self.text[end - 1] == "\r")

    def before(self, line: int) -> int:
        """The end of the line before the one that begins at `line`; -1 where there is none."""
        return line - 1 - (self.text[line - 2 : line - 1] == "\r") if line else -1

    def is_first(self, at: int) -> bool:
        """Whether nothing stands before it in its line."""
        return not self.text[self.line_start(at) : at].strip(" ")

    def lead(self, at: int, column: int, floor: int) -> int:
        """The beginning of the comments right above what begins at `at`, else of its line: they go where it goes."""
        line = self.line_start(at)
        while line > floor:
            above = self.line_start(line - 1)
            said = self.text[above : line - 1]
            if not said.lstrip(" ").startswith("#") or len(said) - len(said.lstrip(" ")) != column or above < floor:
                break
            line = above
        return line

    # Writing

    def rearrange(self, node: Node, entries: Sequence[_Entry], kept: Sequence[bool], added: Sequence[tuple[int, str]]) -> None:
        """Takes away those that are not kept, and puts each of `added` behind the last kept one up to its place."""
        within = self._within_flow if node.flow else self._within_block
        for after, new in added:
            while after >= 0 and not kept[after]:
                after -= 1
            within(node, entries, after, new)
        first = None
        for index, stays in enumerate([*kept, True]):
            if not stays and first is None:
                first = index
            elif stays and first is not None:
                (self._without_flow if node.flow else self._without_block)(node, entries, first, index - 1)
                first = None

    def _within_block(self, node: Node, entries: Sequence[_Entry], after: int, new: str) -> None:
        air = "\n" if node.kind == "list" and self._is_airy(entries) else ""
        if after >= 0:
            at = self.line_end(entries[after].end)
            self.put(at, at, f"{air}\n{new}")
        elif not self.is_first(entries[0].start):
            at = entries[0].start
            self.put(at, at, f"{new.lstrip(' ')}\n{' ' * node.column}")
        elif (at := self.before(self.lead(entries[0].start, node.column, 0))) >= 0:
            self.put(at, at, f"\n{new}{air}")
        else:
            self.put(0, 0, f"{new}\n{air}")

    def _is_airy(self, entries: Sequence[_Entry]) -> bool:
        """Whether blank lines stand between items."""
        return len(entries) > 1 and self.is_blank(self.line_end(entries[0].end))

    def is_blank(self, at: int) -> bool:
        """Whether the line after the one that ends at `at` is there, and empty."""
        return _BLANK.match(self.text, at) is not None

    def _without_block(self, node: Node, entries: Sequence[_Entry], first: int, last: int) -> None:
        start = entries[first].start
        if not self.is_first(start):
            if last + 1 >= len(entries):
                raise Odd
            self.put(start, entries[last + 1].start, "")
            return
        floor = entries[first - 1].end if first else 0
        lead = self.lead(start, node.column, floor) if first or node.column else self.line_start(start)
        before, end = self.before(lead), self.line_end(entries[last].end)
        if before > 0 and self.is_blank(end) and self.is_blank(above := self.before(self.line_start(before))):
            before = above if above >= floor else before  # one of the two blank lines goes too
        elif not first and last + 1 < len(entries) and node.column and (blank := _BLANK.match(self.text, end)):
            end = blank.end()
        if before >= 0:
            self.put(before, end, "")
        else:
            self.put(0, min(self.text.find("\n", end) + 1 or len(self.text), len(self.text)), "")

    def _within_flow(self, node: Node, entries: Sequence[_Entry], after: int, new: str) -> None:
        first = entries[0].start
        gap = self.text[node.start + 1 : first]
        pause = f"\n{' ' * (first - self.line_start(first))}" if "\n" in gap and self.is_first(first) else " "
        if after >= 0:
            self.put(entries[after].end, entries[after].end, f",{pause}{new}")
        else:
            self.put(first, first, f"{new},{pause}")

    def _without_flow(self, node: Node, entries: Sequence[_Entry], first: int, last: int) -> None:
        if last + 1 < len(entries):
            self.put(entries[first].start, entries[last + 1].start, "")
        elif first:
            self.put(entries[first - 1].end, entries[last].end, "")
        else:
            raise Odd

    def replace(self, node: Node, new: Any, hold: _Hold | None) -> None:
        if hold is None:
            block = not node.flow and node.kind != "scalar"
            whole = write(new).rstrip("\n") if block else self.inline(new)
            gap = " " if node.start == node.end and self.text[node.start - 1 : node.start] == ":" else ""
            self.put(node.start, node.end, gap + whole)
            return
        first, *rest = (_behind_dash(new) if self.text[hold.after - 1] == "-" else _below(new)).split("\n")
        lines = [first, *(_indented(line, hold.column) for line in rest)]
        end = max(node.end, hold.after)
        comment, end = self._comment(node, hold, end)
        self.put(hold.after, end, "\n".join([lines[0] + comment, *lines[1:]]))

    def _comment(self, node: Node, hold: _Hold, end: int) -> tuple[str, int]:
        """What is said behind a value, or behind the key of a block, and stays; and where what is replaced ends."""
        if node.block:
            said = self.text[node.start : self.line_end(node.start)]
        elif node.kind != "scalar" and not node.flow:
            said = self.text[hold.after : self.line_end(hold.after)] if node.start > self.line_end(hold.after) else ""
        else:
            said, end = self.text[end : self.line_end(end)], self.line_end(end)
        found = _COMMENT.search(said) if "#" in said else None
        return found[0].rstrip() if found else "", end

    def spelled(self, node: Node, value: Any, name: str | None = None) -> str:
        """An entry of `node`, new. In a block it comes with its indentation."""
        if node.flow:
            return self.inline(value) if name is None else f"{self.key(name, True)}: {self.inline(value)}"
        if name is not None:
            text = write({"id": 0, name: value}).split("\n", 1)[1].removesuffix("\n")
        else:
            text = f"-{_behind_dash(value)}"
        return "\n".join(_indented(line, node.column) for line in text.split("\n"))

    def key(self, name: str, flow: bool) -> str:
        if self.json:
            return json.dumps(name, ensure_ascii=False)
        text = write_inline({name: 0}) if flow else write({"id": 0, name: 0}).split("\n", 1)[1].rstrip("\n")
        return text.strip("{}").removesuffix(": 0")

    def inline(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False) if self.json else write_inline(value)

    def too_wide(self, node: Node, old: Any, new: Any) -> bool:
        """Whether it had better be a block from now on."""
        if self.json:
            return False
        length = len(self.inline(new))
        return length > _WIDE and length > node.end - node.start + 10


def _below(value: Any) -> str:
    """It as it stands behind a key at the margin: from the colon on."""
    return write({"id": value}).removeprefix("id:").removesuffix("\n")


def _behind_dash(value: Any) -> str:
    """It as it stands as an item of a list at the margin: from the dash on."""
    below = _below(value)
    return f" {below[3:]}" if below.startswith("\n  ") else below


def _indented(line: str, by: int) -> str:
    if by >= 0:
        return " " * by + line if line.strip("\r") else line
    return line[min(-by, len(line) - len(line.lstrip(" "))) :]
