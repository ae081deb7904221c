"""What is read is there on every path: in words, and without what follows from another cause."""

from typing import Any

import pytest

from tests.core.drawn import Data, ask, flow, fork, get, loop, person, put, step
from tests.core.flaws_of_calls import outcomes
from tests.core.proving import PAY, found_codes, is_a_sentence, proof, sentences

FORM = {"type": "object", "required": ["x"], "properties": {"x": {"type": "string"}}}
TWO = [{"id": "ok", "label": "Ok", "to": "b"}, {"id": "no", "label": "No", "to": "b", "form": "ignored"}]


LOOSE: Data = {"type": "object", "required": ["label"], "properties": {"label": {"type": "string"}, "note": {"type": "string"}}}
TEXT_CHECK = {"that": "size(input.text) > 0", "else": "There is no text"}


def reading(path: str, id: str = "b", **keys: Any) -> Data:
    return put(id, values={"x": f"${{{path}}}"}, **keys)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            flow(get("a", "b", catch=[{"errors": ["*"], "to": "b"}]), reading("steps.a.tier", title="Draft")),
            "Draft reads steps.a, which has not run when A fails and its catch goes straight to Draft. ",
        ),
        (
            flow(
                get("a", "b", catch=[{"errors": ["auth"], "to": "c"}]), put("b", "d"), put("c", "d"), reading("steps.a.tier", "d")
            ),
            "D reads steps.a, which has not run when A fails and its catch goes to C → D. ",
        ),
        (
            flow(fork("f", "run.input.text == 'x'", "a", "b"), get("a", "b"), reading("steps.a.tier")),
            "B reads steps.a, which has not run on the way F (default) → B. ",
        ),
        (
            flow(person("a", "b", "b"), reading("steps.a.by")),
            "B reads steps.a, which has not run when nobody answers A in time and it goes straight to B. ",
        ),
        (
            flow(person("a", form=FORM, actions=TWO), reading("steps.a.values.x")),
            "B reads steps.a.values.x, which nobody need have filled in on the way A (No) → B. ",
        ),
        (
            flow({"id": "a", **PAY, "next": "b", "on_unknown": "b"}, reading("steps.a")),
            "B reads steps.a, which has not run when nobody knows whether A happened and it goes straight to B. ",
        ),
        (
            flow(get("a", "b"), reading("steps.a.tier"), limits={"steps": 9, "on_breach": "b"}),
            "B reads steps.a, which has not run when a limit is met and the run goes to B. ",
        ),
        (
            flow(put("a", "b"), reading("error.code")),
            "B reads error.code, which is there only after a failure, and not on the way A → B. ",
        ),
        (
            flow(get("a", "b", fallback=[{"step": "g"}]), put("g", None, {"tier": "pro"}), reading("steps.g.tier")),
            "B reads steps.g, which never runs. ",
        ),
        (flow(reading("steps.b.x")), "B reads steps.b, its own output, which is not there yet. "),
        (flow(reading("steps")), "B reads steps, all outputs at once. "),
        (
            flow(fork("a", "run.input.text == 'x'", "b", "done"), reading("steps.a")),
            "B reads steps.a, which is a branch, and gives nothing to read. ",
        ),
        (
            flow(loop("l", [fork("f", "run.input.text == 'x'", "a", "continue"), get("a", None)], until="steps.a.tier == 'pro'")),
            "L reads steps.a, which has not run on the way F (default) → the end of the round. ",
        ),
        (
            flow(loop("l", [fork("f", "run.input.text == 'x'", "a", "break"), get("a", None)], output="${steps.a}")),
            "L reads steps.a, which has not run on the way F (default) → the end of the loop. ",
        ),
        (
            flow(get("a", "l", catch=[{"errors": ["*"], "to": "l"}]), loop("l", [reading("steps.a.tier", next=None)])),
            "B reads steps.a, which has not run when A fails and its catch goes straight to L. ",
        ),
        (
            flow(
                loop(
                    "l",
                    [
                        get("a", "m"),
                        loop(
                            "m",
                            [fork("f", "iter.index > 1", "b", "break"), reading("steps.c.x", next="c"), put("c", None, {"x": 1})],
                            None,
                        ),
                    ],
                )
            ),
            "B reads steps.c, which can only run after it. Read what comes before, or move it.",
        ),
        (
            flow(loop("l", [get("a", None)], "z", catch=[{"errors": ["*"], "to": "z"}]), reading("steps.l.n", "z")),
            "Z reads steps.l, which has not run when L fails and its catch goes straight to Z. ",
        ),
        (
            flow(
                ask("q", fallback=[{"step": "b"}], next="g"),
                get("g"),
                put("b", None, {"label": "bug", "confidence": 0.5, "note": "${steps.g.tier}"}),
            ),
            "B, in place of Q, reads steps.g, which can only run after it. ",
        ),
    ],
)
def test_the_path_that_breaks_an_assignment_is_named(data: Data, words: str) -> None:
    assert [sentence[: len(words)] for sentence in sentences(data, "unassigned")] == [words]


@pytest.mark.parametrize(
    "data",
    [
        flow(get("a", "b", catch=[{"errors": ["*"], "to": "b"}]), reading("has(steps.a) ? steps.a.tier : 'none'")),
        flow(get("a", "b", catch=[{"errors": ["*"], "to": "c"}]), put("b"), reading("error.code", "c")),
        flow(person("a", form=FORM, actions=[TWO[0], {**TWO[1], "to": "done"}]), reading("steps.a.values.x")),
        flow(person("a", form=FORM, actions=TWO), reading("has(steps.a.values.x) ? steps.a.values.x : ''")),
        flow(
            fork("f", "run.input.text == 'x'", "a", "c"),
            get("a", "b"),
            get("c", "b", tool="crm.get"),
            reading("has(steps.a.tier) ? steps.a.tier : has(steps.c.tier) ? steps.c.tier : ''"),
        ),
        flow(loop("l", [get("a", None)], until="steps.a.tier == 'pro'", update={"n": "${carry.n + 1}"}, output="${steps.a}")),
        flow(get("a", "l"), loop("l", [reading("steps.a.tier", next=None)])),
        flow(
            get("a", "q"),
            ask("q", fallback=[{"step": "b"}]),
            put("b", None, {"label": "bug", "confidence": 0.5, "note": "${steps.a.tier}"}),
        ),
    ],
)
def test_what_is_there_on_every_path_or_asked_for_first_may_be_read(data: Data) -> None:
    assert sentences(data, "unassigned") == []
    assert proof(data).ok


# Causes without their consequences

LATER = ask("c", output=LOOSE)
END = [put("b", "c"), LATER]


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        (flow(put("a", None), put("b")), {"no_exit"}),
        (flow(put("a", "bb"), put("b")), {"unknown_step"}),
        (flow(put("a", "b"), put("b"), start="aa"), {"unknown_step"}),
        (flow(put("a", "b"), put("b", "a")), {"cycle"}),
        (flow(put("a"), put("a")), {"duplicate_id"}),
        (flow(get("a", "b"), put("b", "b"), put("b", values={"x": "${steps.a.tier}"})), {"duplicate_id"}),
        (flow(fork("a", "run.input.text == 'x'", "b", "c"), put("b"), put("b", values={"x": "${steps.b.x}"})), {"duplicate_id"}),
        (flow(get("customer", "b"), reading("steps.custmer.tier")), {"unknown_reference"}),
        (flow(get("customer", "b"), fork("b", "steps.custmer.tier == 'pro'", "done", "done")), {"unknown_reference"}),
        (flow(loop("l", [put("a", "x"), put("b", None)])), {"unknown_step"}),
        (flow(put("a", "b", {"x": "${has(steps.c.x) ? 1 : 2}"}), put("b", "cc"), put("c", values={"x": 1})), {"unknown_step"}),
        (flow(put("a", "b"), put("b", None), put("c", "d", {"x": "${steps.b}"}), put("d")), {"no_exit"}),
        (flow(put("a"), step("done", "end", outcome="okk"), outcomes=outcomes(ok={"kind": "success"})), {"unknown_outcome"}),
        (flow(ask("a", input={"text": "${run.inptu.text}"}, prompt="{{ text }}")), {"unknown_reference"}),
        (flow(ask("a", input={"text": "${run.input.txt}"}, prompt="{{ text }}", checks=[TEXT_CHECK])), {"unknown_reference"}),
        (flow(put("a", "b", {"x": "${steps.c.note}"}), *END), {"unassigned"}),
    ],
)
def test_a_cause_stands_without_what_follows_from_it(data: Data, codes: set[str]) -> None:
    assert {problem.code for problem in proof(data).problems} == codes


def test_a_model_without_a_contract_is_one_error_however_much_is_read_of_it() -> None:
    checks = [{"that": "output.quote != ''", "else": "x"}, {"that": "output.label in ['x']", "else": "x"}]
    more = put("b", values={"x": "${steps.a.quote}", "y": "${steps.a.text}"})
    [found] = proof(flow(ask("a", "b", output=None, checks=checks), more)).problems
    assert (found.code, found.severity, found.path, found.step) == ("unpromised", "error", "steps[0].output", "a")
    words = "A has no output contract, so it gives `text` alone, and quote and label are read of it. "
    assert found.message == f"{words}Declare an output contract on it."


NO: Data = {"type": "object", "required": ["urgent"], "properties": {"urgent": {"type": "boolean"}}}


@pytest.mark.parametrize(
    "data",
    [
        flow(put("a", values={"urgent": "no"}, output=NO)),
        flow(put("a", "b", values={"urgent": "no"}), fork("b", "steps.a.urgent", "done", "done")),
        flow(put("a", "b", values={"urgent": "no"}), fork("b", "steps.a.urgent && true", "done", "done")),
    ],
)
def test_a_word_that_other_yaml_takes_for_a_boolean_is_text_and_says_so(data: Data) -> None:
    [found] = proof(data).problems
    assert '; "no" is text here, write false' in found.message


def test_a_step_that_is_read_and_that_no_route_leads_to_is_one_error() -> None:
    [found] = proof(flow(reading("steps.g.tier"), get("g"))).problems
    assert (found.code, found.severity, found.step) == ("unreachable", "error", "g")
    assert found.message == "No route leads to G, and B reads it. Lead one there, or remove it."
    body = [get("a", None), get("g", None)]
    [found] = proof(flow(loop("l", body, until="steps.g.tier == 'pro'"))).problems
    assert found.message.startswith("No route leads to G, and L reads it. A, before it, has no `next` and so ends the round. ")


def test_a_name_that_is_wrong_in_a_prompt_is_found_beside_an_input_that_is_wrong() -> None:
    found = proof(flow(ask("a", input={"text": "${run.inptu.text}"}, prompt="One\n{{ txt }}"))).problems
    assert [problem.path for problem in found] == ["steps[0].input.text", "steps[0].prompt"]
    assert found[1].message == 'line 2 of this text: the step\'s input has no "txt"; did you mean text?'


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (flow(put("a", "b", {"x": "${has(steps.c.note) ? 1 : 2}"}), *END), "steps.c, which can only run after it."),
        (flow(fork("f", "run.input.text == 'x'", "a", "c"), put("a"), reading("has(steps.a) ? 1 : 2", "c")), "lies on no path"),
        (flow(put("a", values={"x": "${has(error.code) ? 1 : 2}"})), "error.code, and no failure leads there."),
        (flow(put("a", values={"x": "${has(steps.a.x) ? 1 : 2}"})), "its own output, which is not there yet."),
        (flow(fork("f", "run.input.text == 'x'", "b", "b"), reading("has(steps.f) ? 1 : 2")), "which is a branch,"),
        (
            flow(get("a", "b", fallback=[{"step": "g"}]), put("g", None, {"tier": "pro"}), reading("has(steps.g) ? 1 : 2")),
            "which never runs.",
        ),
        (
            flow(person("a", form=FORM, actions=[TWO[1]]), reading("has(steps.a.values.x) ? 1 : 2")),
            "steps.a.values.x, which nobody fills in: no action of A that leads there requires the form.",
        ),
    ],
)
def test_to_ask_for_what_can_never_be_there_is_pointed_out(data: Data, words: str) -> None:
    [found] = [problem for problem in proof(data).problems if problem.code == "never_there"]
    assert found.severity == "warning"
    assert words in found.message
    assert found.message.endswith(" It is never there: take it out.")
    assert is_a_sentence(found)


def test_what_is_asked_for_and_read_all_the_same_is_an_error() -> None:
    both = put("a", "b", {"x": "${has(steps.c.note) ? 1 : 2} ${steps.c.label}"})
    assert {(p.code, p.severity) for p in proof(flow(both, *END)).problems} == {("unassigned", "error")}


def test_after_a_breach_anything_may_have_been_there() -> None:
    later = reading("has(steps.a.tier) ? steps.a.tier : has(error.code) ? error.code : ''")
    assert found_codes(flow(get("a"), later, limits={"steps": 9, "on_breach": "b"})) == []
