"""What is wrong with a prompt that Jinja can't read, in words that say what to do."""

import re

_NAMES = {"end of print statement": "}}", "end of statement block": "%}", "end of template": "the end of the text"}
_GOT = re.compile(r"got '(.*)'\s*$")
_UNKNOWN = re.compile(r"Encountered unknown tag '(\w+)'")
_OPEN = re.compile(r"The innermost block that needs to be closed is '(\w+)'")
_CLOSERS = {"endif": "if", "else": "if", "elif": "if", "endfor": "for"}
_PARTS = (
    (
        "expected token 'end of print statement'",
        "the {{{{ is not closed before {got}. Close it with }}}}, or put an operator between",
    ),
    ("expected token 'end of statement block'", "the {{% is not closed before {got}. Close it with %}}"),
    ("Expected an expression, got 'end of print statement'", "{{{{ }}}} holds nothing. Write what it prints"),
    ("Expected an expression, got 'end of statement block'", "this {{% %}} lacks what it is about. Write it before the %}}"),
    ("Expected an expression", "a value is missing before {got}"),
    ("expected token 'name'", "a name is missing before {got}"),
    ("Missing end of comment tag", "the {{# is never closed. Close it with #}}"),
    ("unexpected char", "a quote is opened and never closed, or this sign can't stand here"),
    ("unexpected '}'", "this brace closes nothing. An expression ends with }}}}"),
    ("unexpected end of template", "a {{{{ or {{% is never closed. Close it"),
)


def explain(said: str) -> str:
    """Jinja's sentence in our words; of what is rare it is passed on."""
    innermost = _OPEN.search(said)
    if unknown := _UNKNOWN.search(said):
        return _unknown_tag(unknown[1], innermost[1] if innermost else "")
    if innermost:
        return f"a {{% {innermost[1]} %}} is never closed. Close it with {{% end{innermost[1]} %}}"
    got = _GOT.search(said)
    shown = _NAMES.get(got[1], f"`{got[1]}`") if got else "it"
    words = next((words for key, words in _PARTS if key.lower() in said.lower()), "")
    return words.format(got=shown) if words else said[:1].lower() + said[1:].rstrip(".")


def _unknown_tag(tag: str, innermost: str) -> str:
    if tag in _CLOSERS and innermost:
        return f"{{% {tag} %}} stands where {{% end{innermost} %}} is due"
    if tag in _CLOSERS:
        return f"{{% {tag} %}} stands here, and no {{% {_CLOSERS[tag]} %}} is open. Remove it"
    return f"there is no {{% {tag} %}}; there are if and for"
