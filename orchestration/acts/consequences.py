"""What a change of a shared tool or a provider does to workflows that are published already: they are proved again."""

from collections.abc import Iterator

from orchestration.core.catalog import Catalog
from orchestration.core.definition import from_data
from orchestration.core.errors import Problem, Refused
from orchestration.core.plan import compile_plan
from orchestration.core.proof import prove
from orchestration.core.wording import counted
from orchestration.queries.uses import Kind, Use, in_force

_MOST_SHOWN = 3


def consequences(kind: Kind, name: str, before: Catalog, now: Catalog) -> tuple[Problem, ...]:
    """For each version that names it and that runs may come to: a warning with what the proof finds now and did not before, or
    else a note that its calls are made in the new way. Costs two proofs a version, so call it outside of transactions."""
    return tuple(_consequence(use, definition, before, now) for use, definition in in_force(kind, name))


def _consequence(use: Use, definition: object, before: Catalog, now: Catalog) -> Problem:
    named = f"Version {use.version} of {use.name} names it"
    broken = list(_new(definition, before, now))
    if not broken:
        return Problem("in_use", f"{named}. Its calls are made like this from now on.", severity="info")
    more = len(broken) - _MOST_SHOWN
    rest = f" And {counted(more, 'problem')} more: check its draft." if more > 0 else ""
    words = " ".join(problem.message for problem in broken[:_MOST_SHOWN])
    return Problem("breaks_version", f"{named}, and does not fit it any more. {words}{rest}", severity="warning")


def _new(definition: object, before: Catalog, now: Catalog) -> Iterator[Problem]:
    try:
        read = from_data(definition)
    except Refused:
        return  # of another release's format: its runs are not made here
    known = {(p.code, p.path, p.message) for p in prove(compile_plan(read, before)).problems}
    for problem in prove(compile_plan(read, now)).problems:
        if (problem.code, problem.path, problem.message) not in known and problem.severity != "info":
            yield problem
