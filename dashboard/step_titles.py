"""What the steps and outcomes of many versions are called, for lists of runs: looked up once for each definition, and kept."""

import threading
from collections import OrderedDict
from collections.abc import Collection

from dashboard.run_view import titles
from orchestration.queries import workflows

KEPT = 500

_lock = threading.Lock()
_kept: OrderedDict[str, dict[str, str]] = OrderedDict()
"""By content hash, so that nothing here can be stale."""


def titles_of(versions: Collection[tuple[str, int]]) -> dict[tuple[str, int], dict[str, str]]:
    """(workflow, number) → step or outcome → how people call it. One query, and two more where a definition is new here."""
    hashes = workflows.hashes(versions)
    wanted = set(hashes.values())
    with _lock:
        found = {digest: _kept[digest] for digest in wanted if digest in _kept}
    found |= {digest: titles(definition) for digest, definition in workflows.definitions(wanted - found.keys()).items()}
    with _lock:
        _kept.update(found)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return {version: found.get(digest, {}) for version, digest in hashes.items()}
