"""Plans of published versions, compiled once for each version and world, and kept while they are in use."""

import threading
from collections import OrderedDict

from orchestration.core.definition import Definition, from_data
from orchestration.core.errors import NotFound
from orchestration.core.plan import Plan, compile_plan
from orchestration.models import Version
from orchestration.queries.catalog import World
from orchestration.record.pack import unpack_all

KEPT = 200

_lock = threading.Lock()
_plans: OrderedDict[tuple[int, str, str], Plan] = OrderedDict()


def plan_of(version_id: int, world: World) -> Plan:
    """The plan of a version in this world. Two who ask for a new one at once may both compile it: no harm is done.

    Raises `NotFound`. The content hash is part of the key, so that a database that was exchanged brings no stale plan.
    """
    digest = Version.objects.filter(pk=version_id).values_list("hash", flat=True).first()
    if digest is None:
        raise NotFound("There is no such version.")
    key = (version_id, digest, world.digest)
    with _lock:
        if key in _plans:
            _plans.move_to_end(key)
            return _plans[key]
    plan = compile_plan(definition_of(version_id), world.catalog)
    with _lock:
        _plans[key] = plan
        while len(_plans) > KEPT:
            _plans.popitem(last=False)
    return plan


def definition_of(version_id: int) -> Definition:
    """What was published as this version. Raises `NotFound`."""
    packed = Version.objects.filter(pk=version_id).values_list("definition", flat=True).first()
    if packed is None:
        raise NotFound("There is no such version.")
    return from_data(unpack_all([packed])[0])
