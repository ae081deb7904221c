"""The library: the handbook of a firm, to be searched and read."""

from orchestration.samples.service import facts
from orchestration.samples.service.call import Answer, Call


def search(call: Call) -> Answer:
    """At most two documents, the best first, without those named by `skip`."""
    return Answer(200, {"documents": facts.matching("documents", call.query("q"), 2, skip=call.every("skip"))})


def document(call: Call) -> Answer:
    number = call.parts["id"]
    found = facts.one("documents", "id", number)
    return Answer(200, found) if found else Answer(404, {"error": f"There is no document {number}."})
