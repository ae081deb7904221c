"""JSON text of one value, for a place where text is due: in a request, a form, an answer, an argument.

Every door does the same with it. It is kept as it is or mended (`becomes`); it can't be read (`UNREADABLE`: these codes); or it
is read and is no text (`WRONG`).
"""

import json
from dataclasses import dataclass
from typing import Any

REPLACED = "\ufffd"
DEEP = 100_000
MANY = 200_001
UNREADABLE = ("not_json", "not_a_number", "number_too_large", "too_deep", "too_large", "duplicate_key")


@dataclass(frozen=True)
class Case:
    """`text` as it goes over the wire. `code`: of the one problem, "" where there is none and it `becomes` something."""

    text: bytes
    code: str = ""
    becomes: Any = None

    @property
    def mended(self) -> bool:
        return not self.code and REPLACED in json.dumps(self.becomes, ensure_ascii=False)

    def within(self, frame: str) -> bytes:
        """The frame's bytes with this in the place of its `%s`."""
        before, after = frame.encode().split(b"%s")
        return before + self.text + after


GOOD: dict[str, Case] = {
    "a surrogate pair": Case(rb'"a\ud83d\ude00b"', becomes="a😀b"),
    "separators and a bell": Case(rb'"a\u2028\u0085\u0007b"', becomes="a\u2028\x85\x07b"),
    "what reads as a secret": Case(b'"${secrets.llm} {{ text }} <b>"', becomes="${secrets.llm} {{ text }} <b>"),
}
MENDED: dict[str, Case] = {
    "NUL": Case(rb'"a\u0000b"', becomes=f"a{REPLACED}b"),
    "a lone surrogate": Case(rb'"a\ud800b"', becomes=f"a{REPLACED}b"),
    "surrogates in the wrong order": Case(rb'"a\ude00\ud83db"', becomes=f"a{REPLACED * 2}b"),
}
UNREAD: dict[str, Case] = {
    "NaN": Case(b"NaN", "not_a_number"),
    "-Infinity": Case(b"-Infinity", "not_a_number"),
    "1e400": Case(b"1e400", "not_a_number"),
    "10^5000": Case(b"1" + b"0" * 5000, "number_too_large"),
    "2^63": Case(b"9223372036854775808", "number_too_large"),
    "100,000 lists deep": Case(b"[" * DEEP + b"]" * DEEP, "too_deep"),
    "100,000 objects deep": Case(b'{"a":' * DEEP + b"1" + b"}" * DEEP, "too_deep"),
    "1,000 deep and broken": Case(b"[" * 1000, "too_deep"),
    "a key twice": Case(b'{"a": 1, "a": 2}', "duplicate_key"),
    "a key twice once it is mended": Case(rb'{"\u0000": 1, "\ud800": 2}', "duplicate_key"),
    "more values than are kept": Case(b"[" + b"0," * MANY + b"0]", "too_large"),
    "half a text": Case(b'"a', "not_json"),
    "a raw NUL": Case(b'"a\x00b"', "not_json"),
    "a surrogate in UTF-8": Case(b'"\xed\xa0\x80"', "not_json"),
    "Latin-1": Case(b'"\xe9"', "not_json"),
    "a word": Case(b"yes", "not_json"),
    "nothing": Case(b"", "not_json"),
}
WRONG: dict[str, Case] = {
    "a number": Case(b"7", "wrong_type", 7),
    "null": Case(b"null", "wrong_type"),
    "a list": Case(b'["a"]', "wrong_type", ["a"]),
    "an object": Case(b'{"a": "b"}', "wrong_type", {"a": "b"}),
}
ALL = {**GOOD, **MENDED, **UNREAD, **WRONG}
