"""Plans of published versions, compiled once for each version and world, and kept while they are in use."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from orchestration.core.definition import Definition, from_data
from orchestration.core.errors import NotFound
from orchestration.core.plan import Plan, compile_plan
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


def plan_of(version_id: int, world: World, digest: str | None = None) -> Plan:
    """The plan of a version in this world. Raises `NotFound`. The content hash is part of the key, so that a database that was
    exchanged brings no stale plan; where the caller knows it as `digest`, a plan that is kept costs no query."""
    if digest is None:
        digest = Version.objects.filter(pk=version_id).values_list("hash", flat=True).first()
    if digest is None:
        raise NotFound("There is no such version.")
    return _plans.get((version_id, digest, world.digest), lambda: compile_plan(definition_of(version_id), world.catalog))


def kept_plan(version_id: int, world: World, digest: str) -> Plan | None:
    """The same where it is kept: costs nothing."""
    return _plans.find((version_id, digest, world.digest))


def definition_of(version_id: int) -> Definition:
    """What was published as this version. Raises `NotFound`."""
    packed = Version.objects.filter(pk=version_id).values_list("definition", flat=True).first()
    if packed is None:
        raise NotFound("There is no such version.")
    return from_data(unpack_all([packed])[0])
