"""The support desk: customers, help articles, replies and assignments."""

from orchestration.samples.service import facts
from orchestration.samples.service.call import Answer, Call

AWAY_TWICE = "C-503"
GOES_SILENT = "T-5000"


def customer(call: Call) -> Answer:
    number = call.parts["id"]
    if number == AWAY_TWICE and call.store.away(f"customer {number}", 2):
        return Answer(503, {"error": "The desk is busy. Try again in a moment."})
    found = facts.one("customers", "id", number)
    return Answer(200, found) if found else Answer(404, {"error": f"There is no customer {number}."})


def articles(call: Call) -> Answer:
    return Answer(200, {"articles": facts.matching("articles", call.query("q"), most=3)})


def reply(call: Call) -> Answer:
    """Sends a reply each time it is asked to: who repeats the request sends two. On one ticket it does so and then breaks
    down, so that the caller can't know."""
    ticket, text = call.text("ticket"), call.text("text")
    sent = call.store.add("reply", {"ticket": ticket, "text": text})
    if ticket == GOES_SILENT:
        return Answer(500, {"error": "Something went wrong."})
    return Answer(201, {"message_id": f"M-{sent.number:05}"})


def assign(call: Call) -> Answer:
    """The same key gives the same assignment again."""
    wanted = {"ticket": call.text("ticket"), "queue": call.text("queue"), "note": str(call.body.get("note", ""))}
    done = call.store.once("assignment", call.key, wanted)
    return Answer(201, {"assignment": f"Z-{done.number:05}", "queue": done.body["queue"]})
