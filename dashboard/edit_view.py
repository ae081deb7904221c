"""What an edit of a draft is answered with, by page and API alike: what was done, and how the draft is after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from dashboard import graph_view, problem_view
from dashboard.proof_view import proof_view
from orchestration.acts.drafts import Made
from orchestration.acts.workflows import Checked, check
from orchestration.core.errors import Conflict
from orchestration.queries import drafts
from orchestration.queries import workflows as stored
from orchestration.queries.drafts import Edit

Json = dict[str, Any]


def made(workflow: str, found: Made) -> Json:
    """`graph` and `bounds` are those of the draft as it is now; None and empty where it is no definition that could be drawn."""
    return {
        "revision": found.revision,
        "sentence": found.sentence,
        "steps": list(found.steps),
        "left": [note.as_dict() for note in found.left],
        "rebind": [note.as_dict() for note in found.rebind],
        **_shown(found.checked, found.revision),
        **standing(workflow),
    }


@contextmanager
def telling(workflow: str) -> Iterator[None]:
    """A conflict over the draft says besides who was first and what was done since how the draft is now, to go on from."""
    try:
        yield
    except Conflict as conflict:
        found = stored.workflow(workflow)
        shown = _shown(check(found.draft, workflow), found.revision)
        details = {**conflict.details, "revision": found.revision, **shown, **standing(workflow)}
        raise Conflict(str(conflict), conflict.code, **details) from None


def standing(workflow: str) -> Json:
    """What undo and redo would do, None where there is nothing."""
    found = drafts.standing(workflow)
    return {"undo": entry(found.undo), "redo": entry(found.redo)}


def entry(found: Edit | None) -> Json | None:
    return {**asdict(found), "at": found.at.isoformat(), "steps": list(found.steps)} if found else None


def _shown(checked: Checked, revision: int) -> Json:
    problems = problem_view.problems(checked)
    if checked.plan is None or checked.proof is None:
        return {"graph": None, "problems": problems, "bounds": []}
    view = proof_view(checked.plan, {**checked.proof.as_dict(), "problems": problems})
    drawn = graph_view.graph(checked.plan, view, revision=revision)
    return {"graph": drawn, "problems": problems, "bounds": drawn["bounds"]}
