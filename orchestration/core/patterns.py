"""Why a regular expression is not taken. Two engines read them, of schemas and of expressions; both take no look-around and no
back-reference, so that no text makes them slow."""

import re

_LOOK = re.compile(r"\(\?<?[=!]")
_BACK = re.compile(r"\\[1-9]|\\k[<{']|\(\?P=")
_ESCAPED_OR_SET = re.compile(r"\\\\|\[\^?\]?(?:\\.|[^\]\\])*\]")

_REPEATED = re.compile(r"\{(?:\d*,)?\d{3,}\}")
_TOO_LARGE = "is too large: it repeats too often. Bound the length instead, with maxLength or size()"


def why_not(pattern: str) -> str:
    """What is wrong with a pattern that an engine refuses, as the rest of a sentence that begins with it."""
    bare = _ESCAPED_OR_SET.sub("", pattern)
    if found := _LOOK.search(bare):
        return f"has a look-around, {found[0]}…), which is not taken here. Say it without, or with a second pattern"
    if found := _BACK.search(bare):
        return f"has a back-reference, {found[0]}, which is not taken here. Compare the parts in a check"
    try:
        re.compile(pattern)
    except re.error as error:
        if error.msg == "multiple repeat":  # which Python alone refuses
            return _TOO_LARGE
        at = f" at character {error.pos + 1}" if error.pos is not None else ""
        return f"is no regular expression: {error.msg}{at}"
    except (RecursionError, OverflowError, Warning):
        return "is nested too deep, or too odd. Write a plainer one"
    if _REPEATED.search(bare):
        return _TOO_LARGE
    return "is written in a way that is not taken here. Write a simpler one"
