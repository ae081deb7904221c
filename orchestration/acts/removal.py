"""Deleting what runs may reach. Whatever is still named stays: a run would only find out at the step that needs it.

Between the look and the deletion somebody may publish what names it. Its runs then fail at that step, by the rules of the
workflow, or ask a person.
"""

from typing import Any

from django.db import transaction

from orchestration.acts import audit
from orchestration.acts.reach import kept_provider, kept_tool
from orchestration.core.errors import NotFound, Problem, Refused
from orchestration.models import Provider, Secret, Tool
from orchestration.queries.catalog import current
from orchestration.queries.uses import Kind, uses

_TABLES: dict[str, Any] = {"provider": Provider, "tool": Tool, "secret": Secret}


def delete(*, kind: Kind, name: str, by: str) -> None:
    """Deletes the provider, shared tool or secret. Raises `NotFound`, and `Refused` with a problem for each that names it."""
    with transaction.atomic():
        found = _TABLES[kind].objects.filter(name=name)
        if not found.exists():
            raise _missing(kind, name)
        if named := uses(kind, name):
            raise Refused(*(Problem("in_use", f"{use.sentence} Change that first.", name) for use in named))
        before = kept_tool(name) if kind == "tool" else kept_provider(name) if kind == "provider" else None
        found.delete()
        audit.write(subject=f"{kind}:{name}", verb=f"delete_{kind}", by=by, detail={"before": before} if before else None)


def _missing(kind: Kind, name: str) -> NotFound | Refused:
    if kind == "tool" and name in current().catalog.tools:
        message = f"{name} is a Python tool, which is registered in code. Take its module out of INTERLOCK_TOOLS."
        return Refused(Problem("registered_in_code", message, name))
    return NotFound(f"There is no {kind} {name[:60]}.")
