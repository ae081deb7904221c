"""/runs/<id>/evidence.json: all that is known of a run in one file: definition, prompts, answers, decisions, people."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from dashboard.api import shape
from dashboard.needs import needs
from orchestration.queries import records, runs, workflows
from orchestration.queries.course import Act, Pause, acts, pauses
from orchestration.roles import Role

PAGE = 50


@needs(Role.VIEWER)
def evidence(request: HttpRequest, run: str) -> HttpResponseBase:
    """A download. Records are read as they are sent, so that a long run costs no more memory than a short one."""
    found = runs.run(run)
    parts = _document(found)
    body = _aside(parts) if isinstance(request, ASGIRequest) else parts
    answer = StreamingHttpResponse(body, content_type="application/json; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="run-{found.id}.json"'
    return answer


async def _aside(parts: Iterator[str]) -> AsyncIterator[str]:
    """The same for a server that is asynchronous: each part is read in a thread, where the database may be waited for."""
    following = sync_to_async(lambda: next(parts, None))
    while (part := await following()) is not None:
        yield part


def _document(found: runs.RunDetail) -> Iterator[str]:
    version = workflows.version(found.workflow, found.version)
    head = {
        "run": {**shape.run_detail(found), **_around(found)},
        "version": {"hash": version.hash, "published": shape.when(version.published), "published_by": version.published_by},
        "definition": version.definition,
        "escalations": [_pause(pause) for pause in pauses(found.id)],
        "acts": [_act(act) for act in acts(found.id)],
        "open_calls": [shape.call(call) for call in records.open_calls(found.id)],
    }
    yield _text(head)[:-2] + ',\n  "records": ['
    after, first = None, True
    while first or after:
        page = records.records(found.id, after, PAGE)
        for item in page.items:
            yield ("\n" if first else ",\n") + _text(shape.record(item))
            first = False
        after = page.next
        if not page.items:
            break
    yield "\n]}\n"


def _around(found: runs.RunDetail) -> dict[str, Any]:
    """What the input of an item or an arm holds besides, so that its chained hashes can be made anew."""
    return {"around": [[each.run, each.depth, each.seq] for each in found.around]} if found.around else {}


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _pause(pause: Pause) -> dict[str, Any]:
    found = {name: getattr(pause, name) for name in pause.__slots__}
    return {**found, **{name: shape.when(found[name]) for name in ("created", "due", "ended")}}


def _act(found: Act) -> dict[str, Any]:
    return {**{name: getattr(found, name) for name in Act.__slots__}, "at": shape.when(found.at)}
