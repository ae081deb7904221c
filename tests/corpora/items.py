"""What a map may be given to go over: items of every kind, which it takes as they are, and what is no list for it.

A definition that goes over whatever it is given stands beside them. It has no contract for an item: all depends on the map.
"""

from typing import Any

from tests.engine.publishing import end, workflow

MARKUP = "<script>document.title = 'broken'</script><img src=x onerror=\"document.title = 'broken'\"></b></td>"
MOST = 10_000


def _nested(levels: int) -> Any:
    found: Any = "the innermost"
    for _ in range(levels):
        found = [found]
    return found


ITEMS: dict[str, Any] = {
    "markup": MARKUP,
    "an end of a script": "</script><!--",
    "a template": "{{ item }}{% for x in item %}{# #}",
    "what reads as an expression": "${secrets.llm} ${run.input} $${item}",
    "a pair, a mark that turns the line, a bell": "a😀\u202eb\u2028\x07",
    "an empty text": "",
    "blanks": " \n\t ",
    "nothing": None,
    "false": False,
    "nought": 0,
    "a large number": 2**63 - 1,
    "a tiny one": 5e-324,
    "an empty list": [],
    "an empty object": {},
    "a list": ["a", ["b"], None],
    "names of JavaScript": {"__proto__": {"polluted": True}, "constructor": "x", "toString": 1, "hasOwnProperty": None},
    "names that are no names": {"": 1, " ": 2, "a.b": 3, "<b>": MARKUP, "item": 4, "${item}": 5},
    "ninety lists deep": _nested(90),
    "a long text": "ä" * 50_000,
    "many keys": {f"k{number}": number for number in range(500)},
}
"""Each is one item, and comes out as it went in."""

NO_LISTS: dict[str, tuple[Any, str, str]] = {
    # what it is to go over; the error and the words that it is
    "nothing": (None, "expression", "over: must be a list; it is null"),
    "a text": ("abc", "expression", 'over: must be a list; it is "abc"'),
    "an object": ({"0": "a", "length": 1}, "expression", 'over: must be a list; it is {"0":"a","length":1}'),
    "true": (True, "expression", "over: must be a list; it is true"),
    "markup": (MARKUP, "expression", 'over: must be a list; it is "<script>'),
    "one too many": (["x"] * (MOST + 1), "limit", "there are 10,001 items, and max_items is 10,000"),
}


def over(*first: dict[str, Any], of: str = "${run.input.items}", **more: Any) -> dict[str, Any]:
    """Goes over what it is given or its first step got, and ends with the items as they came through their runs; where it can't,
    with why."""
    each = {
        "id": "each",
        "type": "map",
        "title": "Each item",
        "over": of,
        "max_items": MOST,
        "body": [{"id": "keep", "type": "set", "values": {"it": "${item}"}}],
        "output": "${steps.keep.it}",
        "catch": [{"errors": ["*"], "to": "sorry"}],
        "next": "done",
    }
    steps = [*first, each, end({"items": "${steps.each}"}), end({"code": "${error.code}", "why": "${error.message}"}, "sorry")]
    return workflow(*steps, **{"id": "over", "input": {"type": "object"}, "models": {}, **more})
