"""Who names a provider, a tool or a secret: what has to be changed before it can be deleted.

Looked at are the latest version of each workflow, versions that runs are under way on, drafts that can be read, and, for secrets,
providers and shared tools. An older version that nobody runs does not count: versions stay for good, and so would all that they
ever named.
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
_SECRET = re.compile(r"\bsecrets\.([A-Za-z][A-Za-z0-9_]{0,63})")


@dataclass(frozen=True, slots=True)
class Use:
    """`by` is `version`, `draft`, `provider` or `tool`; `name` the workflow's id, or theirs."""

    by: str
    name: str
    version: int | None = None

    @property
    def sentence(self) -> str:
        if self.by == "version":
            return f"Version {self.version} of {self.name} names it."
        return f"The draft of {self.name} names it." if self.by == "draft" else f"The {self.by} {self.name} names it."


def uses(kind: Kind, name: str) -> tuple[Use, ...]:
    """Reads every definition that counts: dear, and asked for when something is to be deleted or written, and never else."""
    found = [*(use for use, _ in in_force(kind, name)), *_drafts(kind, name)]
    if kind == "secret":
        found += [*_providers(name), *_tools(name)]
    return tuple(found)


def in_force(kind: Kind, name: str) -> Iterator[tuple[Use, Any]]:
    """The published versions that name it, with their definitions: the latest ones, and those that runs are under way on."""
    latest = set(Version.objects.values("workflow").annotate(last=Max("number")).values_list("workflow", "last"))
    running = set(Run.objects.filter(status__in=Run.LIVE).values_list("version", flat=True).distinct())
    keys = Version.objects.order_by("workflow", "-number").values_list("pk", "workflow", "number")
    for pk, workflow, number in [key for key in keys if key[1:] in latest or key[0] in running]:
        [definition] = unpack_all(Version.objects.filter(pk=pk).values_list("definition", flat=True))
        if (kind, name) in _named(definition):
            yield Use("version", workflow, number), definition


def _drafts(kind: Kind, name: str) -> Iterator[Use]:
    drafts = Workflow.objects.order_by("id").values_list("id", "draft")
    for workflow, text in drafts.iterator():
        try:
            data = source.read(text).data
        except Unreadable:
            continue
        if (kind, name) in _named(data):
            yield Use("draft", workflow)


def _providers(secret: str) -> Iterator[Use]:
    for name, own, headers in Provider.objects.order_by("name").values_list("name", "secret", "headers"):
        if own == secret or secret in _secrets(unpack_all([headers])[0]):
            yield Use("provider", name)


def _tools(secret: str) -> Iterator[Use]:
    for name, definition in Tool.objects.order_by("name").values_list("name", "definition"):
        if secret in _secrets(unpack_all([definition])[0]):
            yield Use("tool", name)


def _named(data: Any) -> set[tuple[Kind, str]]:
    """What a definition names that is not in it. A draft may hold anything anywhere."""
    if not isinstance(data, dict):
        return set()
    own, models = _mapping(data.get("tools")), _mapping(data.get("models"))
    found: set[tuple[Kind, str]] = {("provider", str(_mapping(model).get("provider"))) for model in models.values()}
    found |= {("tool", tool) for tool in _tools_of(data.get("steps")) if tool not in own}
    return found | {("secret", secret) for secret in _secrets(own)}


def _tools_of(steps: Any) -> Iterator[str]:
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict):
            listed = step.get("tools")
            yield from map(str, [step.get("tool"), *(listed if isinstance(listed, list) else ())])
            yield from _tools_of(step.get("body"))


def _secrets(data: Any) -> set[str]:
    return set(_SECRET.findall(values.dump(data)))


def _mapping(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}
