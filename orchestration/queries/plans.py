"""Plans of published versions, compiled once for each version and world, and kept while they are in use."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from orchestration.core.catalog import Called
from orchestration.core.definition import Definition, from_data, walk
from orchestration.core.errors import NotFound
from orchestration.core.frozen import replace
from orchestration.core.plan import Plan, compile_plan
from orchestration.core.proof import prove
from orchestration.models import Version
from orchestration.queries.catalog import World
from orchestration.record.pack import unpack_all

Made = TypeVar("Made")


class Kept(Generic[Made]):
    """What was made of something costly, by a key that says all that it was made of; the `most` used last. Two who ask for a new
    one at once may both make it: no harm is done."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._made: OrderedDict[Hashable, Made] = OrderedDict()

    def find(self, key: Hashable) -> Made | None:
        """What is kept, None where it would have to be made."""
        with self._lock:
            return self._made.get(key)

    def get(self, key: Hashable, make: Callable[[], Made]) -> Made:
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        made = make()
        with self._lock:
            self._made[key] = made
            while len(self._made) > self._most:
                self._made.popitem(last=False)
        return made


_plans = Kept[Plan](200)
_facts = Kept[Called](200)


def plan_of(version_id: int, world: World, digest: str | None = None) -> Plan:
    """The plan of a version in this world. Raises `NotFound`. The content hash is part of the key, so that a database that was
    exchanged brings no stale plan; where the caller knows it as `digest`, a plan that is kept costs no query."""
    if digest is None:
        digest = Version.objects.filter(pk=version_id).values_list("hash", flat=True).first()
    if digest is None:
        raise NotFound("There is no such version.")
    return _plans.get((version_id, digest, world.digest), lambda: compiled(definition_of(version_id), world))


def compiled(definition: Definition, world: World) -> Plan:
    """The plan of a definition, with the versions that it calls."""
    refs = {step.workflow for _, step in walk(definition.workflow.steps) if step.type == "workflow" and step.workflow}
    if not refs:
        return compile_plan(definition, world.catalog)
    called = {ref: found for ref in refs if (found := _called(ref, world)) is not None}
    return compile_plan(definition, replace(world.catalog, workflows=called))


def _called(ref: str, world: World) -> Called | None:
    """What calling a version is about. A version calls none but those that were published before it, so this comes to an end."""
    workflow, _, number = ref.partition("@")
    found = Version.objects.filter(workflow_id=workflow, number=int(number)).values_list("pk", "hash").first()
    if found is None:
        return None
    return _facts.get((*found, world.digest), lambda: _facts_of(found[0], plan_of(found[0], world, found[1]), world))


def _facts_of(version: int, plan: Plan, world: World) -> Called:
    workflow = plan.workflow
    outcomes = {name: outcome.output for name, outcome in workflow.outcomes.items() if outcome.kind == "success"}
    titles = {name: outcome.title for name, outcome in workflow.outcomes.items() if outcome.title}
    schema = dict(plan.input.schema) if plan.input else {}
    retired = world.retired.get(workflow.id)
    return Called(workflow.id, version, workflow.title, schema, outcomes, tuple(prove(plan).worst.bound), retired, titles)


def kept_plan(version_id: int, world: World, digest: str) -> Plan | None:
    """The same where it is kept: costs nothing."""
    return _plans.find((version_id, digest, world.digest))


def definition_of(version_id: int) -> Definition:
    """What was published as this version. Raises `NotFound`."""
    packed = Version.objects.filter(pk=version_id).values_list("definition", flat=True).first()
    if packed is None:
        raise NotFound("There is no such version.")
    return from_data(unpack_all([packed])[0])
