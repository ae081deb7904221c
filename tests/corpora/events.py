"""Events that are none: what stands where a name or a correlation is due, each with the code of its one problem."""

from typing import Any

NAMES: dict[str, tuple[Any, str]] = {
    "nothing": ("", "bad_value"),
    "a blank": ("pay ment", "bad_value"),
    "a blank at the end": ("paid ", "bad_value"),
    "a line break": ("paid\n", "bad_value"),
    "two names": ('paid "x"', "bad_value"),
    "markup": ("<script>alert(1)</script>", "bad_value"),
    "a template": ("{{ name }}", "bad_value"),
    "an expression": ("${run.id}", "bad_value"),
    "letters of another script": ("bezahlt\u00e4", "bad_value"),
    "another sign in front": (".paid", "bad_value"),
    "101 letters": ("a" * 101, "bad_value"),
    "5,000 letters": ("a" * 5000, "bad_value"),
    "NUL": ("paid\0", "bad_character"),
    "a number": (7, "wrong_type"),
    "null": (None, "wrong_type"),
    "a list": (["paid"], "wrong_type"),
}
CORRELATIONS: dict[str, tuple[Any, str]] = {
    "a list": (["x"], "wrong_type"),
    "an object": ({"id": 1}, "wrong_type"),
    "501 letters": ("x" * 501, "bad_value"),
    "a megabyte": ("x" * 1_000_000, "bad_value"),
    "quotes that are escaped": ('"' * 300, "bad_value"),
    "NUL": ("a\0b", "bad_character"),
}
TAKEN: dict[str, Any] = {
    "markup": "<script>document.title = 'broken'</script>",
    "a template": "{{ item }}",
    "an expression": "${secrets.llm}",
    "quotes": 'a" OR "1"="1',
    "a name and a correlation": 'paid "x"',
    "a wildcard": "%",
    "a turn of the line": "a\u202eb",
    "nothing": "",
    "null": None,
    "false": False,
    "nought": 0,
    "a large number": 2**63 - 1,
    "a fraction": 0.1,
    "names of JavaScript": "__proto__",
    "500 letters": "x" * 500,
    "as many with what is escaped": "x" * 250 + '"' * 125,
}
"""Correlations that are one, however they look: each is for itself alone."""
