"""Named points of the execution protocol at which a test can make a process die, fail or stop.

Armed through the environment alone: `INTERLOCK_FAILPOINTS="after_intent=kill"`, `"before_commit=error@3"` (the third time),
`"before_send=kill:<run id>"` (only there). Where nothing is armed a failpoint costs one look at an empty mapping. `stop` ends
the process's turn with SIGSTOP, to be woken by the test.
"""

import os
import signal
import threading
from collections import Counter

POINTS = (
    "after_claim",
    "before_intent",
    "after_intent",
    "before_send",
    "after_send",
    "before_answer",
    "before_commit",
    "after_commit",
    "before_release",
    "before_resolve",
    "after_resolve",
    "before_fire",
    "after_fire",
    "after_taking",
    "after_asking",
)


class FailpointError(RuntimeError):
    """Raised by a failpoint that is armed with `error`."""


def _parse(text: str) -> dict[str, tuple[str, int, str]]:
    armed = {}
    for item in filter(None, text.split(",")):
        name, _, action = item.partition("=")
        action, _, about = action.partition(":")
        action, _, count = action.partition("@")
        if name not in POINTS or action not in ("kill", "error", "stop"):
            raise ValueError(
                f"INTERLOCK_FAILPOINTS: there is no failpoint {item!r}; there are {', '.join(POINTS)} with kill, error or stop"
            )
        armed[name] = (action, int(count or 1), about)
    return armed


_armed = _parse(os.environ.get("INTERLOCK_FAILPOINTS", ""))
_passed: Counter[str] = Counter()


def failpoint(name: str, about: str = "") -> None:
    """Does what it is armed with, if it is; `about` is the run that passes it, where there is one."""
    if name not in _armed:
        return
    action, at, only = _armed[name]
    if only and only != about:
        return
    _passed[name] += 1
    if _passed[name] != at:
        return
    if action == "error":
        raise FailpointError(name)
    _end(signal.SIGKILL if action == "kill" else signal.SIGSTOP)


def _end(number: signal.Signals) -> None:
    """By way of this thread. What is sent to the process is taken by any of its threads, and this one may go on meanwhile."""
    signal.pthread_kill(threading.get_ident(), number)
