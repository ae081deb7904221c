"""Where each value of a document stands in its text: a tree of nodes beside the plain data, for writing parts of it anew."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


Kind = Literal["scalar", "list", "map"]


@dataclass(slots=True)
class Key:
    start: int
    end: int


@dataclass(slots=True)
class Node:
    """`start` and `end` are places in the text; a block ends with its last value, before comments and blank lines. `column`: that
    of its keys or dashes. `items` are the values of a mapping or list, in their order, and `keys` those of a mapping."""

    kind: Kind
    start: int
    end: int = 0
    column: int = 0
    flow: bool = False
    """Of a list or mapping: in brackets or braces."""
    block: bool = False
    """Of a text: below its key, after `|` or `>`."""
    keys: Sequence[Key] = ()
    items: Sequence["Node"] = ()


def spans(text: str) -> Node | None:
    """The tree of a text that was read as a definition; None where it is JSON that no YAML parser takes."""
    events = iter(_Loader(_SURROGATE_ESCAPE.sub("??????", text)).get_event, None)
    try:
        for event in events:
            if isinstance(event, yaml.NodeEvent):
                return _node(event, events, text)
    except yaml.YAMLError:
        pass
    return None


def _node(event: Any, events: Iterator[Any], text: str) -> Node:
    mark: Any = event.start_mark
    if isinstance(event, yaml.ScalarEvent):
        block = event.style in ("|", ">")
        end = _end_of_block(text, mark.index, _end(event)) if block else _end(event)
        return Node("scalar", mark.index, end, block=block)
    mapping = isinstance(event, yaml.MappingStartEvent)
    keys: list[Key] = []
    items: list[Node] = []
    inner: Any
    for inner in events:
        if isinstance(inner, yaml.CollectionEndEvent):
            end = _end(inner) if event.flow_style else items[-1].end
            kind: Kind = "map" if mapping else "list"
            return Node(kind, mark.index, end, mark.column, event.flow_style, keys=keys, items=items)
        if mapping:
            keys.append(Key(inner.start_mark.index, _end(inner)))
            inner = next(events)
        items.append(_node(inner, events, text))
    raise AssertionError("a parser closes what it opens")


def _end(event: Any) -> int:
    return int(event.end_mark.index)


def _end_of_block(text: str, start: int, end: int) -> int:
    """Where the last line of a `|` text ends. The blank lines after it belong to it where its header says `+`."""
    header = text[start : max(text.find("\n", start), start)]
    if "+" not in header.partition("#")[0]:
        end = start + len(text[start:end].rstrip(" \t\r\n"))
    else:
        end -= text[end - 1 : end] == "\n"
    found = text.find("\n", end)
    end = len(text) if found < 0 else found
    return end - (text[end - 1 : end] == "\r")
