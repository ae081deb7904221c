"""Keys that are revoked, rotated or lost while runs are under way."""

from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.test import Client

from orchestration.acts import reach
from orchestration.models import Act, Run
from tests.engine.conftest import Floor
from tests.engine.publishing import end, workflow
from tests.engine.test_runs import ask, tool
from tests.servers import behaviours as b


def told(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_a_key_that_is_revoked_takes_its_edge_at_once(floor: Floor) -> None:
    """In the middle of runs, and whatever they would otherwise try again."""
    patient = {"retry": {"attempts": 5, "errors": ["timeout", "unavailable", "rate_limited"], "backoff": "10ms"}}
    good = {**ask(**patient), "next": "then"}
    then = {**ask(catch=[{"errors": ["auth"], "to": "sorry"}], fallback=[], **patient), "id": "then"}
    definition = workflow(good, then, end(), end({"why": "${error.code}"}, id="sorry"))
    floor.server.script(b.chat({"label": "a"}), b.error(401))
    first = floor.run(definition)
    floor.server.default(b.error(401))
    for _ in range(10):
        floor.server.script(b.chat({"label": "a"}))
        assert floor.output(floor.another(first)) == {"why": "auth"}
    assert len(floor.server.seen_at()) == 11 * 2, "nobody asks twice with a key that is refused"


def sends(floor: Floor) -> dict[str, Any]:
    step, tools = tool(floor, effect="none", catch=[{"errors": ["auth"], "to": "sorry"}])
    tools["send_it"]["http"]["headers"] = {"Authorization": "Bearer ${secrets.desk}"}
    return workflow(step, end(), end({"why": "${error.message}"}, id="sorry"), tools=tools, models={})


def test_rotation_loses_nothing_and_a_key_that_is_lost_is_named(floor: Floor, settings: Any, as_designer: Client) -> None:
    old, new = settings.SECRETS_KEY[0], Fernet.generate_key().decode()
    reach.put_secret(name="desk", value="canary-71", by="ada")
    first = floor.run(sends(floor))
    settings.SECRETS_KEY = (new, old)
    assert floor.another(first).outcome == "good"
    assert told("secrets", "rotate") == "Sealed 1 secret with the first key.\nEvery secret can be opened: 1 secret.\n"
    assert told("secrets", "rotate").startswith("Sealed 0 secrets"), "twice is once"
    assert [act.verb for act in Act.objects.filter(subject="secret:desk").order_by("number")] == ["put_secret", "rotate"]
    settings.SECRETS_KEY = (new,)
    assert floor.another(first).outcome == "good"
    assert {seen.headers["authorization"] for seen in floor.server.seen} == {"Bearer canary-71"}

    settings.SECRETS_KEY = (old,)
    run: Run = floor.another(first)
    assert floor.output(run)["why"] == "there is no secret named desk that can be opened: an admin can write it"
    with pytest.raises(CommandError, match="No key in SECRETS_KEY opens desk"):
        told("secrets", "check")
    assert b"No key in SECRETS_KEY" in as_designer.get("/settings/secrets/").content
    reach.put_secret(name="desk", value="canary-72", by="ada")
    assert floor.another(first).outcome == "good"
    assert "1 secret" in told("secrets", "check")
