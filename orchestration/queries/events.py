"""Events that nobody has taken yet."""

from datetime import datetime
from typing import Any

from orchestration.core import event as events
from orchestration.core.frozen import dataclass
from orchestration.models import Event

LOOKED_AT = 200
MOST = 5


@dataclass(frozen=True, slots=True)
class KeptEvent:
    id: str
    correlation: Any
    by: str
    received: datetime


def kept(name: str) -> tuple[KeptEvent, ...]:
    """The latest of this name that are kept, `MOST` of them, among the latest of any name. One query."""
    latest = Event.objects.filter(run=None).order_by("-received", "-id").values_list("id", "address", "by", "received")
    found = [
        KeptEvent(event, events.parts_of(address)[1], by, received)
        for event, address, by, received in latest[:LOOKED_AT]
        if address.startswith(f"{name} ")
    ]
    return tuple(found[:MOST])
