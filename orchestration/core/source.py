"""The text of a definition, YAML or JSON, to plain data and back, each place with its line.

YAML is read by our own composer over PyYAML's events, because a definition may come from anyone: no anchors, aliases or
tags, no duplicate keys, no more than `MAX_DEPTH` levels and `MAX_NODES` nodes, and scalars by the YAML 1.2 core rules (so
that `on` and `no` are words, and `12:30` is not a number). Text that begins with `{` is tried as JSON first, which YAML
can't read whole: it knows no surrogate pairs.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import field
from typing import Any

import yaml

from orchestration.core.errors import Problem, Unreadable
from orchestration.core.frozen import dataclass
from orchestration.core.sanitiser import parse_json
from orchestration.core.yaml_faults import explain

MAX_BYTES = 2_000_000
MAX_DEPTH = 60
MAX_NODES = 200_000

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_A_NUMBER = re.compile(r"([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z")
_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INT64 = 2**63
_BAD = re.compile("[\x00\ud800-\udfff]")
_ODD_BREAK = re.compile("[\r\x85\u2028\u2029\ufeff]")
"""Breaks to some readers and none to others: written as escapes."""
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


@dataclass(frozen=True, slots=True)
class Source:
    """Plain data, and for each dotted path (as in `Problem.path`) the line it begins on; and for each text that stands as it is
    below its key (`|`), the line of its first line."""

    data: Any
    lines: dict[str, int] = field(default_factory=dict)
    blocks: dict[str, int] = field(default_factory=dict)

    def line(self, path: str) -> int | None:
        """The line of `path`, else of the nearest place above it that has one."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path)

    def line_of_text(self, path: str, number: int) -> int | None:
        """Where line `number` of the text at `path` stands, None where its lines are not those of the document."""
        first = self.blocks.get(path)
        return first + number - 1 if first is not None else None


def join_path(path: str, key: str | int) -> str:
    """`steps`, 2 → `steps[2]`; `steps[2]`, `next` → `steps[2].next`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def read(text: str | bytes) -> Source:
    """Reads a definition's text. Raises `Unreadable` with one problem that says where and why."""
    if len(text) > MAX_BYTES:
        raise _unreadable("too_large", f"The definition is larger than {MAX_BYTES // 1_000_000} MB. Write a smaller one.")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            message = f"The definition is not UTF-8 text: byte {error.start} can't be read. Save it in UTF-8."
            raise _unreadable("not_text", message) from None
    if bad := _BAD.search(text):
        raise _bad_character(bad[0], "", text.count("\n", 0, bad.start()) + 1)
    found = _read_json(text) if text.lstrip("\ufeff \t\r\n").startswith("{") else None
    return found or _read_yaml(text)


def _read_yaml(text: str) -> Source:
    try:
        return _Composer(text).compose()
    except yaml.YAMLError as error:
        fault = explain(error, text, _Loader)
        raise _unreadable("not_yaml", f"This is neither YAML nor JSON. {fault.sentence}", line=fault.line) from None


def _read_json(text: str) -> Source | None:
    """None where it is no JSON, or where YAML's composer finds the same fault and knows its line."""
    try:
        found = parse_json(text, max_depth=MAX_DEPTH, max_nodes=MAX_NODES)
    except Unreadable as error:
        problem = error.problems[0]
        if problem.code in ("not_json", "duplicate_key"):
            return None
        raise _unreadable(problem.code, f"The definition can't be read: {problem.message}.", problem.path) from None
    try:
        lines = _read_yaml(_SURROGATE_ESCAPE.sub("??????", text)).lines
    except Unreadable:
        lines = {}
    source = Source(found.value, lines)
    if found.marks:
        bad = "\0" if "\\u0000" in text else "\ud800"
        raise _bad_character(bad, found.marks[0], source.line(found.marks[0]))
    return source


def _bad_character(char: str, path: str, line: int | None) -> Unreadable:
    what = "a NUL character" if char == "\0" else "half of a surrogate pair"
    where = f"Line {line}" if line else "This text"
    return _unreadable("bad_character", f"{where} holds {what}, which no store can keep. Remove it.", path, line)


def _unreadable(code: str, message: str, path: str = "", line: int | None = None) -> Unreadable:
    return Unreadable(Problem(code=code, message=message, path=path, line=line))


class _Composer:
    """Builds plain data from the parser's events; its depth is bounded before its recursion is."""

    def __init__(self, text: str) -> None:
        self.events: Iterator[Any] = iter(_Loader(text).get_event, None)
        self.lines: dict[str, int] = {}
        self.blocks: dict[str, int] = {}
        self.nodes = 0

    def compose(self) -> Source:
        documents = 0
        data = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    message = "There is more than one document. Send one definition at a time."
                    raise _unreadable("not_yaml", message, line=_line(event))
            elif isinstance(event, yaml.NodeEvent):
                data = self._node(event, "", _line(event), 0)
        if documents == 0:
            raise _unreadable("empty", "The definition is empty. Begin it with `interlock: 1`.")
        return Source(data, self.lines, self.blocks)

    def _node(self, event: Any, path: str, line: int, depth: int) -> Any:
        line = self.lines.setdefault(path, line)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _unreadable("too_large", f"There are more than {MAX_NODES:,} values. Write fewer.", path, line)
        if depth > MAX_DEPTH:
            message = f"Values are nested more than {MAX_DEPTH} levels deep. Write flatter ones."
            raise _unreadable("too_deep", message, _cut(path), line)
        if isinstance(event, yaml.AliasEvent):
            raise _unreadable("anchor", "Anchors and aliases are refused. Write the value out where it is used.", path, line)
        if event.anchor is not None:
            message = f"The anchor &{_cut(event.anchor)} is refused. Write the value out where it is used."
            raise _unreadable("anchor", message, path, line)
        if event.tag is not None and not (isinstance(event, yaml.ScalarEvent) and event.tag == "!"):
            raise _unreadable("tag", f"The tag {event.tag} is refused. Use plain values.", path, line)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path, line)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path, depth)
        return self._mapping(path, depth)

    def _sequence(self, path: str, depth: int) -> list[Any]:
        items: list[Any] = []
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._node(event, f"{path}[{len(items)}]", _line(event), depth + 1))
        return items

    def _mapping(self, path: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            line = _line(event)
            if not isinstance(event, yaml.ScalarEvent) or event.anchor is not None:
                raise _unreadable(
                    "bad_key", "A key has to be plain text. A text that begins with { or [ needs quotes.", path, line
                )
            key = event.value
            if "\0" in key:
                raise _bad_character("\0", path, line)
            if key == "<<" and event.implicit[0]:
                raise _unreadable("anchor", "Merge keys are refused. Write the values out.", path, line)
            if key in found:
                place = join_path(path, _cut(key))
                raise _unreadable("duplicate_key", f"The key {_cut(key)} stands twice here. Keep one.", place, line)
            place = join_path(path, key)
            self.lines[place] = line
            found[key] = self._node(next(self.events), place, line, depth + 1)
        return found

    def _scalar(self, event: Any, path: str, line: int) -> Any:
        text = event.value
        if "\0" in text:  # written as an escape
            raise _bad_character("\0", path, line)
        if event.style == "|":
            self.blocks[path] = line + 1
        if not event.implicit[0] or event.tag == "!":
            return text
        if text in _WORDS:
            return _WORDS[text]
        if text[0] not in "+-.0123456789":
            return text
        if _INT.match(text):
            if len(text) > 20 or not -_INT64 <= int(text) < _INT64:
                message = f"{_cut(text)} does not fit in 64 bits. Write it as text, in quotes."
                raise _unreadable("number_too_large", message, path, line)
            return int(text)
        if _FLOAT.match(text):
            number = float(text)
            if math.isinf(number):
                message = f"{_cut(text)} is too large for a double. Write it as text, in quotes."
                raise _unreadable("not_a_number", message, path, line)
            return number + 0.0  # -0.0 + 0.0 is 0.0, as everywhere
        if _NOT_A_NUMBER.match(text):
            raise _unreadable("not_a_number", f"{text} is not a number that JSON can hold. Write a number or null.", path, line)
        return text


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"


class _Dumper(yaml.SafeDumper):
    """Stable block style; words that YAML 1.1 would read as something else are quoted, since others may read our files."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if _ODD_BREAK.search(text):
        style = '"'
    elif "\n" in text and not any(line != line.rstrip() for line in text.split("\n")):
        style = "|"
    elif text in _WORDS or _INT.match(text) or _FLOAT.match(text) or _NOT_A_NUMBER.match(text):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _is_short(values: Any) -> bool:
    """Whether a list or mapping reads better on one line."""
    texts = [str(value) for value in values if not isinstance(value, dict | list)]
    return len(texts) == len(values) and len("".join(texts)) < 70 and not any("\n" in text for text in texts)


def _represent_list(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=_is_short(items))


def _represent_dict(dumper: yaml.SafeDumper, found: dict[str, Any]) -> yaml.MappingNode:
    short = _is_short([*found, *found.values()]) and "id" not in found
    return dumper.represent_mapping("tag:yaml.org,2002:map", found.items(), flow_style=short)


class _Inline(_Dumper):
    """Everything on one line."""


def _represent_inline(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    node = _represent_text(dumper, text)
    return dumper.represent_scalar(node.tag, text, style='"') if node.style == "|" else node


_Inline.add_representer(str, _represent_inline)
_Inline.add_representer(list, lambda dumper, items: dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True))
_Inline.add_representer(
    dict, lambda dumper, found: dumper.represent_mapping("tag:yaml.org,2002:map", found.items(), flow_style=True)
)
_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(list, _represent_list)
_Dumper.add_representer(dict, _represent_dict)


def write(data: Any) -> str:
    """The YAML text of plain data, keys in the order they have; `read(write(data)).data == data`."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)


def write_inline(data: Any) -> str:
    """The same on one line, to stand within other YAML."""
    text: str = yaml.dump([data], Dumper=_Inline, sort_keys=False, allow_unicode=True, width=math.inf)
    return text[1:-2]
