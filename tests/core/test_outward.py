"""Where somebody else's text could have a model carry private data out: what is pointed at, and what is not."""

from typing import Any

import pytest

from orchestration.core.catalog import Catalog, HttpTemplate, Tool
from orchestration.core.definition import from_data
from orchestration.core.plan import compile_plan
from orchestration.core.proof import prove
from tests.core.drawn import CATALOG, ID, Data, flow, fork, loop, person, put, step

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
NOTE = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
HTTP = HttpTemplate("GET", "https://x.example")
TOOLS = {
    "mail": Tool("mail", "http", "irreversible", TEXT, {}, http=HTTP),
    "log": Tool("log", "http", "idempotent", {}, {}, http=HTTP),
    "close": Tool("close", "http", "idempotent", {"type": "object", "properties": {"id": {"enum": ["a", "b"]}}}, {}, http=HTTP),
    "customer": Tool("customer", "python", "none", ID, NOTE),
    "web": Tool("web", "http", "none", {}, TEXT, http=HTTP),
}


def found(data: Data) -> list[tuple[str, str, str]]:
    plan = compile_plan(from_data(data), Catalog(tools={**CATALOG.tools, **TOOLS}, providers=CATALOG.providers))
    proof = prove(plan)
    assert proof.ok, proof.problems
    return [(p.path, p.severity, p.message) for p in proof.problems if p.code == "steered_effect"]


def customer(next: str = "write") -> Data:
    return step("customer", "tool", tool="customer", input={"id": "x"}, next=next)


def write(next: str = "mail", *, given: Any = None, **keys: Any) -> Data:
    """A model that reads the run's text and a customer's name, and writes freely."""
    given = given or {"text": "${run.input.text}", "name": "${steps.customer.name}"}
    return step("write", "llm", model="main", prompt="Write.", input=given, **{"output": TEXT, "next": next, **keys})


def mail(text: str = "${steps.write.text}", **keys: Any) -> Data:
    return step("mail", "tool", tool="mail", input={"text": text}, **{"next": "done", **keys})


PLACE = "steps[{}].input"
ON_THE_WAY = {
    "straight": (flow(customer(), write(), mail()), PLACE.format(2), "Write → Mail"),
    "past a branch whose other way leads to a person": (
        flow(
            customer(),
            write("sure"),
            fork("sure", "steps.write.text == ''", "ask", "mail"),
            person("ask", "mail", "done"),
            mail(),
        ),
        PLACE.format(4),
        "Write → Sure → Mail",
    ),
    "by way of a set": (
        flow(customer(), write("keep"), put("keep", "mail", {"t": "Dear ${steps.write.text}"}), mail("${steps.keep.t}")),
        PLACE.format(3),
        "Write → Keep → Mail",
    ),
    "by way of another model": (
        flow(
            customer(),
            write("polish", given={"text": "${run.input.text}"}),
            {**write(given={"t": "${steps.write.text}", "name": "${steps.customer.name}"}), "id": "polish"},
            mail("${steps.polish.text}"),
        ),
        PLACE.format(3),
        "Polish → Mail",
    ),
    "out of a loop": (
        flow(
            customer("again"),
            loop(
                "again", [write(None)], "mail", carry={}, update={}, until="iter.index > 1", output={"t": "${steps.write.text}"}
            ),
            mail("${steps.again.t}"),
        ),
        PLACE.format(2),
        "Write → Mail",
    ),
    "round a loop": (
        flow(
            customer("again"),
            loop(
                "again",
                [mail("${carry.t}", next="write"), write(None)],
                carry={"t": ""},
                update={"t": "${steps.write.text}"},
                until="iter.index > 1",
            ),
        ),
        "steps[1].body[0].input",
        "Write → Mail",
    ),
    "text from the web": (
        flow(
            step("web", "tool", tool="web", next="customer"),
            customer(),
            write(given={"t": "${steps.web.text}", "name": "${steps.customer.name}"}),
            mail(),
        ),
        PLACE.format(3),
        "Write → Mail",
    ),
    "in place of another": (
        flow(
            customer("first"),
            step("first", "tool", tool="web", fallback=[{"step": "write"}], next="mail"),
            write(None),
            mail("${steps.first.text}"),
        ),
        PLACE.format(3),
        "First → Mail",
    ),
    "without a contract": (
        flow(customer(), write(output=None), mail()),
        PLACE.format(2),
        "Write → Mail",
    ),
    "a check that looks at something else": (
        flow(customer(), write(checks=[{"that": "input.text != ''", "else": "x"}]), mail()),
        PLACE.format(2),
        "Write → Mail",
    ),
}


@pytest.mark.parametrize("case", ON_THE_WAY)
def test_a_path_without_a_person_is_named(case: str) -> None:
    data, place, words = ON_THE_WAY[case]
    [(path, severity, message)] = found(without_none(data))
    assert (path, severity) == (place, "warning")
    assert words in message
    assert len(message) < 400


NUMBERED = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "pattern": "^T-[0-9]+$"}}}
CLOSED = {"type": "object", "required": ["text"], "properties": {"text": {"enum": ["yes", "no"]}}}
QUIET = {
    "a person on every way": flow(customer(), write("ask"), person("ask", "mail", "done"), mail()),
    "a contract that leaves nothing open": flow(customer(), write(output=CLOSED), mail()),
    "a pattern": flow(customer(), write(output=NUMBERED), mail()),
    "a check that looks at it": flow(customer(), write(checks=[{"that": "output.text.size() < 9", "else": "x"}]), mail()),
    "no private data": flow(write(given={"text": "${run.input.text}"}), mail()),
    "no outside text": flow(customer(), write(given={"name": "${steps.customer.name}"}), mail()),
    "no effect": flow(customer(), write("web"), step("web", "tool", tool="web", input={"t": "${steps.write.text}"}, next="done")),
    "another's text": flow(customer(), write(), mail("Thank you")),
    "a field that is closed": flow(
        customer(),
        write(output={**TEXT, "properties": {**TEXT["properties"], "kind": {"enum": ["a", "b"]}}, "required": ["text", "kind"]}),
        mail("${steps.write.kind}"),
    ),
    "a number beside the text": flow(
        customer(),
        write("keep"),
        put("keep", "log", {"t": "${steps.write.text}", "n": 1}),
        step("log", "tool", tool="log", input={"n": "${steps.keep.n}"}, next="done"),
    ),
    "only where the model failed": flow(
        customer(),
        write("ask", catch=[{"errors": ["*"], "to": "mail"}]),
        person("ask", "done", "done"),
        mail("${has(steps.write.text) ? steps.write.text : ''}"),
    ),
    "the person's own words": flow(
        customer(),
        write("ask"),
        person("ask", "mail", "done", form=TEXT, values={"text": "${steps.write.text}"}),
        mail("${steps.ask.values.text}"),
    ),
    "a number of the input": flow(
        customer(),
        write(given={"n": "${run.input.n}", "name": "${steps.customer.name}"}),
        mail(),
        input={"type": "object", "required": ["n"], "properties": {"n": {"type": "number"}}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", QUIET)
def test_what_can_carry_nothing_out_is_not_pointed_at(case: str) -> None:
    assert found(QUIET[case]) == []


def without_none(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: without_none(value) for key, value in data.items() if value is not None}
    return [without_none(item) for item in data] if isinstance(data, list) else data


@pytest.mark.parametrize(
    ("tools", "given", "places"),
    [
        (["mail"], None, ["steps[1].tools[0]"]),
        (["web", "mail", "log"], None, ["steps[1].tools[1]", "steps[1].tools[2]"]),
        (["customer", "mail"], {"text": "${run.input.text}"}, ["steps[1].tools[1]"]),
        (["mail"], {"text": "${run.input.text}"}, []),
        (["web", "mail"], {"name": "${steps.customer.name}"}, ["steps[1].tools[1]"]),
        (["close"], None, []),
        (["customer", "web"], None, []),
    ],
)
def test_a_tool_in_the_hands_of_a_model_that_reads_both(tools: list[str], given: Any, places: list[str]) -> None:
    data = flow(customer(), write("done", given=given, tools=tools, max_rounds=2))
    assert [path for path, _, _ in found(data)] == places
