"""Who names a provider, a tool or a secret, and has to be changed before it can be deleted; and who calls a workflow.

Looked at are the latest version of each workflow, versions that runs are under way on, drafts that can be read, and, for secrets,
providers and shared tools. An older version that nobody runs does not count: versions stay for good, and so would all that they
ever named. Nor does what a retired workflow says, but where runs of it are under way.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal

from django.db.models import Max

from orchestration.core import source, values
from orchestration.core.errors import Unreadable
from orchestration.core.frozen import dataclass
from orchestration.models import Provider, Run, Tool, Version, Workflow
from orchestration.record.pack import unpack_all

Kind = Literal["provider", "tool", "secret"]
Named = Kind | Literal["workflow"]
_SECRET = re.compile(r"\bsecrets\.([A-Za-z][A-Za-z0-9_]{0,63})")


@dataclass(frozen=True, slots=True)
class Use:
    """`by` is `version`, `draft`, `provider` or `tool`; `name` the workflow's id, or theirs."""

    by: str
    name: str
    version: int | None = None
    does: str = "names"

    @property
    def sentence(self) -> str:
        what = f"{self.by} {self.name}" if self.by in ("provider", "tool") else f"{self.by} of {self.name}"
        what = f"Version {self.version} of {self.name}" if self.by == "version" else f"The {what}"
        return f"{what} {self.does} it."


def uses(kind: Named, name: str) -> tuple[Use, ...]:
    """Reads every definition that counts: dear, and asked for when something is to be deleted or written, and never else."""
    found = [*(use for use, _ in in_force(kind, name)), *_drafts(kind, name)]
    if kind == "secret":
        found += [*_providers(name), *_tools(name)]
    return tuple(found)


def in_force(kind: Named, name: str) -> Iterator[tuple[Use, Any]]:
    """The published versions that name it, with their definitions: the latest ones, and those that runs are under way on."""
    latest = set(
        Version.objects.filter(workflow__retired=None)
        .values("workflow")
        .annotate(last=Max("number"))
        .values_list("workflow", "last")
    )
    running = set(Run.objects.filter(status__in=Run.LIVE).values_list("version", flat=True).distinct())
    keys = Version.objects.order_by("workflow", "-number").values_list("pk", "workflow", "number")
    for pk, workflow, number in [key for key in keys if key[1:] in latest or key[0] in running]:
        [definition] = unpack_all(Version.objects.filter(pk=pk).values_list("definition", flat=True))
        if (kind, name) in _named(definition):
            yield Use("version", workflow, number, _does(kind)), definition


def _drafts(kind: Named, name: str) -> Iterator[Use]:
    drafts = Workflow.objects.filter(retired=None).order_by("id").values_list("id", "draft")
    for workflow, text in drafts.iterator():
        try:
            data = source.read(text).data
        except Unreadable:
            continue
        if (kind, name) in _named(data):
            yield Use("draft", workflow, does=_does(kind))


def _does(kind: Named) -> str:
    return "calls" if kind == "workflow" else "names"


def _providers(secret: str) -> Iterator[Use]:
    for name, own, headers in Provider.objects.order_by("name").values_list("name", "secret", "headers"):
        if own == secret or secret in _secrets(unpack_all([headers])[0]):
            yield Use("provider", name)


def _tools(secret: str) -> Iterator[Use]:
    for name, definition in Tool.objects.order_by("name").values_list("name", "definition"):
        if secret in _secrets(unpack_all([definition])[0]):
            yield Use("tool", name)


def _named(data: Any) -> set[tuple[Named, str]]:
    """What a definition names that is not in it. A draft may hold anything anywhere."""
    if not isinstance(data, dict):
        return set()
    own, models = _mapping(data.get("tools")), _mapping(data.get("models"))
    found: set[tuple[Named, str]] = {("provider", str(_mapping(model).get("provider"))) for model in models.values()}
    for step in _steps(data.get("steps")):
        listed = step.get("tools")
        tools = map(str, [step.get("tool"), *(listed if isinstance(listed, list) else ())])
        found |= {("tool", tool) for tool in tools if tool not in own}
        found.add(("workflow", str(step.get("workflow")).partition("@")[0]))
    found -= {("tool", ""), ("workflow", "")}  # chosen later
    return found | {("secret", secret) for secret in _secrets(own)}


def _steps(steps: Any) -> Iterator[dict[str, Any]]:
    """All of them, those in bodies and in arms too."""
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict):
            yield step
            yield from _steps(step.get("body"))
            yield from _steps(step.get("branches"))


def _secrets(data: Any) -> set[str]:
    return set(_SECRET.findall(values.dump(data)))


def _mapping(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}
