"""What runs may reach: providers, shared tools and secrets, written by admins."""

import re
from collections.abc import Collection, Iterator
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from django.db import transaction
from pydantic import AfterValidator, Field, ValidationError

from orchestration import vault
from orchestration.acts import audit
from orchestration.acts.consequences import consequences
from orchestration.core import headers, values
from orchestration.core.catalog import Catalog
from orchestration.core.definition import HttpCall, ToolDefinition, from_data
from orchestration.core.errors import Problem, Refused
from orchestration.core.fields import Model
from orchestration.core.frozen import replace
from orchestration.core.inner import Place, out_of_reach
from orchestration.core.misfits import explain
from orchestration.core.plan import compile_plan
from orchestration.core.source import Source
from orchestration.llm import PROTOCOLS
from orchestration.models import Provider, Secret, Tool
from orchestration.queries.catalog import current
from orchestration.record.pack import keep, pack, unpack_all

_PROVIDER = re.compile(r"[a-z][a-z0-9_]{0,47}\Z")
_TOOL = re.compile(r"[a-z][a-z0-9_]{0,47}(\.[a-z][a-z0-9_]{0,47}){0,3}\Z")
_SECRET = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}\Z")
_MOST_SECRET = 10_000
_BARE_TOOL: dict[str, Any] = {
    "interlock": 1,
    "id": "tool",
    "outcomes": {"done": {"kind": "success"}, "broken": {"kind": "failure"}},
    "on_failure": "broken",
    "start": "done",
    "steps": [{"id": "done", "type": "end", "outcome": "done"}],
}


def _known_protocol(name: str) -> str:
    if name not in PROTOCOLS:
        raise ValueError(f"there is no protocol {name[:40]}; there are {', '.join(PROTOCOLS)}")
    return name


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError("a base URL begins with http:// or https:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a base URL names no user and no password, which would be shown; write them as a secret")
    return text.rstrip("/")


def _one_line(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("a model's name is one line of printable text, without spaces around it")
    return text


class PriceBody(Model):
    usd_per_mtok_in: float = Field(ge=0, strict=False, allow_inf_nan=False)
    usd_per_mtok_out: float = Field(ge=0, strict=False, allow_inf_nan=False)


ModelName = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]


class ProviderBody(Model):
    """An account of a model maker, or a server of one's own. `secret` names the secret that holds its key."""

    protocol: Annotated[str, AfterValidator(_known_protocol)]
    base_url: Annotated[str, Field(max_length=500), AfterValidator(_http_url)] = ""
    secret: str = Field(default="", pattern=r"^([A-Za-z][A-Za-z0-9_]{0,63})?$")
    default_model: ModelName = ""
    structured: Literal["json_schema", "json_object", "none"] = "json_schema"
    prices: dict[Annotated[ModelName, Field(min_length=1)], PriceBody] = Field(default_factory=dict, max_length=500)
    headers: dict[str, str] = Field(default_factory=dict, max_length=50)
    options: dict[str, Any] = Field(default_factory=dict)
    cap: int | None = Field(default=None, ge=1, le=100_000)


def put_provider(*, name: str, body: Any, by: str) -> tuple[Problem, ...]:
    """Writes the account, whole. Returns warnings, as for a secret that is not there yet or an address that calls are not let
    through to, and what the change does to published versions. Raises `Refused`."""
    given = check_provider(name, body)
    known = current().catalog
    blobs: dict[str, str] = {}
    plain = given.model_dump(mode="json")
    row = {key: pack(plain[key], blobs) if key in ("prices", "headers", "options") else plain[key] for key in plain}
    with transaction.atomic():
        audit.lock(f"provider:{name}")
        before = kept_provider(name)
        changed = not Provider.objects.filter(name=name, **row).exists()
        if changed:  # the same again is no act
            keep(blobs)
            Provider.objects.update_or_create(name=name, defaults=row)
            audit.write(subject=f"provider:{name}", verb="put_provider", by=by, detail={**plain, "before": before})
    found = consequences("provider", name, known, current().catalog) if changed and before else ()
    return (*_warnings(name, given, known.reach or ()), *found)


def _warnings(name: str, given: ProviderBody, reach: Collection[Place]) -> Iterator[Problem]:
    """Why no call of this account can succeed as things are."""
    if given.protocol != "rehearsal" and (place := out_of_reach(given.base_url, reach)):
        message = f"{name} is reached at {place}, an inner address: each call is refused until INTERLOCK_REACH lists it."
        yield Problem("out_of_reach", message, "base_url", severity="warning")
    if given.secret and not Secret.objects.filter(name=given.secret).exists():
        message = f"There is no secret {given.secret} yet; calls fail with auth until it is written."
        yield Problem("unknown_secret", message, "secret", severity="warning")


def kept_provider(name: str) -> dict[str, Any] | None:
    """The account as it stands, as it was written; None where there is none. Kept with the act that changes it."""
    row = Provider.objects.filter(name=name).values(*ProviderBody.model_fields).first()
    if row is None:
        return None
    packed = ("prices", "headers", "options")
    return {**row, **dict(zip(packed, unpack_all([row[key] for key in packed]), strict=True))}


def kept_tool(name: str) -> Any:
    """The shared tool as it stands; None where there is none."""
    found = Tool.objects.filter(name=name).values_list("definition", flat=True).first()
    return None if found is None else unpack_all([found])[0]


def check_provider(name: str, body: Any) -> ProviderBody:
    """Raises `Refused` with all that is wrong with it, its name included."""
    wrong = list(_misnamed(name, _PROVIDER, "provider", "a-z first, then a-z, 0-9 and _, 48 characters at most"))
    try:
        given = _fitted(values.clean(body).value)
    except Refused as refused:
        raise Refused(*wrong, *refused.problems) from None
    if given.protocol != "rehearsal" and not given.base_url:
        wrong.append(Problem("missing_key", "Say where it is reached: base_url, as https://host/v1.", "base_url"))
    wrong += headers.problems(given.headers, "headers")
    if wrong:
        raise Refused(*wrong)
    return given


def _fitted(data: Any) -> ProviderBody:
    try:
        return ProviderBody.model_validate(data)
    except ValidationError as error:
        raise Refused(*explain(error, Source(data), ProviderBody)) from None


def put_tool(*, name: str, body: Any, by: str) -> tuple[Problem, ...]:
    """Writes a shared HTTP tool, in the shape that a workflow's own tools have. Returns warnings, and what the change does to
    published versions that name it. Raises `Refused`."""
    data = values.clean(body).value
    misnamed = _misnamed(name, _TOOL, "tool", "words of a-z, 0-9 and _, with dots between, as crm.get_customer")
    problems = (*misnamed, *check_tool(data))
    if any(problem.severity == "error" for problem in problems):
        raise Refused(*problems)
    known = current().catalog
    python = known.tools.get(name)
    if python is not None and python.kind == "python":
        raise Refused(
            Problem("name_taken", f"{name} is a Python tool, which is registered in code. Choose another name.", "name")
        )
    blobs: dict[str, str] = {}
    definition = pack(data, blobs)
    with transaction.atomic():
        audit.lock(f"tool:{name}")
        before = kept_tool(name)
        if before is not None and _meaning(before) == _meaning(data):  # the same again is no act
            return problems
        keep(blobs)
        Tool.objects.update_or_create(name=name, defaults={"definition": definition})
        detail = {"hash": values.digest(data), "effect": data.get("effect"), "before": before}
        audit.write(subject=f"tool:{name}", verb="put_tool", by=by, detail=detail)
    return (*problems, *consequences("tool", name, known, current().catalog)) if before is not None else problems


def check_tool(data: Any) -> tuple[Problem, ...]:
    """What is wrong with a tool, by the checks of a definition that has it as its only one."""
    try:
        definition = from_data({**_BARE_TOOL, "tools": {"tool": data}})
    except Refused as refused:
        return tuple(map(_of_tool, refused.problems))
    found = [*compile_plan(definition, Catalog()).problems]
    for key, call in _calls(definition.workflow.tools["tool"]):
        found += headers.problems(call.headers, f"tools.tool.{key}.headers")
    return tuple(_of_tool(problem) for problem in found if problem.path.startswith("tools.tool"))


def _calls(tool: ToolDefinition) -> list[tuple[str, HttpCall]]:
    return [("http", tool.http), *([("reconcile", tool.reconcile)] if tool.reconcile else [])]


def _meaning(data: Any) -> str:
    """The same for two texts of one tool: durations in seconds, defaults written out."""
    return values.canonical(ToolDefinition.model_validate(data).model_dump(mode="json"))


def _of_tool(problem: Problem) -> Problem:
    return replace(problem, path=problem.path.removeprefix("tools.tool").lstrip("."), line=None)


def put_secret(*, name: str, value: Any, by: str) -> None:
    """Writes a secret, or replaces it. The act tells that, and nothing of the value. Raises `Refused`."""
    wrong = list(_misnamed(name, _SECRET, "secret", "a letter first, then letters, digits and _, 64 characters at most"))
    if not isinstance(value, str) or not value or len(value) > _MOST_SECRET:
        wrong.append(Problem("bad_value", f'A secret is text of 1 to {_MOST_SECRET:,} characters: {{"value": "…"}}.', "value"))
    elif values.clean_text(value).marks:
        wrong.append(Problem("bad_character", "The secret holds a NUL character or half of a surrogate pair.", "value"))
    if wrong:
        raise Refused(*wrong)
    with transaction.atomic():
        audit.lock(f"secret:{name}")
        vault.put(name, value)
        audit.write(subject=f"secret:{name}", verb="put_secret", by=by)


def rotate_secrets(*, by: str) -> tuple[str, ...]:
    """Seals all secrets with the first of SECRETS_KEY, so that the others may go; the names of those that had another one."""
    with transaction.atomic():
        sealed = vault.rotate()
        for name in sealed:
            audit.write(subject=f"secret:{name}", verb="rotate", by=by)
    return sealed


def _misnamed(name: str, pattern: re.Pattern[str], what: str, rule: str) -> tuple[Problem, ...]:
    if pattern.match(name):
        return ()
    said = f"{name[:60]!r} is no name for a {what}" if name else "It needs a name"
    return (Problem("bad_id", f"{said}: {rule}.", "name"),)
