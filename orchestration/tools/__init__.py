"""Kinds of tools. Each is a module with `build(tool, given, key, timeout) -> Request` and `read`, which are pure, and
`async perform(request, secrets, means) -> Answer`, where the means are the door for `http` and the pool for `python`.

The engine commits what `build` made before `perform` sends it, and sends nothing else.
"""

from types import ModuleType

from orchestration.tools import http, python

KINDS: dict[str, ModuleType] = {
    "http": http,
    "python": python,
}
