"""Quick fixes, held against every flaw there is a smallest definition of: carried out, the problem is gone."""

import pytest

from orchestration.core.editing import edit
from orchestration.core.fixes import BY_CODE, fixes
from orchestration.core.proof import prove
from tests.core.drawn import Data, ask, flow, fork, get, planned, put
from tests.core.flaws import CASES, without_nothing

FIXED = [name for name in CASES if name.split()[0] in BY_CODE]
NONE_FOR = {"not_assignable", "unfinished", "shadowed_case never", "event_for_any item"}
"""Which of two contracts is the right one, what was left open, what a branch without a case would be, and by what items are told
apart, only a person knows."""


def offered(data: Data, code: str) -> list[tuple[str, Data]]:
    """(label, the definition that the fix makes) of the first problem of that code."""
    plan = planned(data)
    proof = prove(plan)
    problem = next(each for each in proof.problems if each.code == code)
    return [(fix.label, edit(data, list(fix.commands)).data) for fix in fixes(plan, proof.worst, problem)]


@pytest.mark.parametrize("name", FIXED)
def test_each_fix_mends_the_smallest_definition_with_its_problem(name: str) -> None:
    code, data = name.split()[0], without_nothing(CASES[name][0])
    before = [each for each in prove(planned(data)).problems if each.code == code]
    for label, mended in offered(data, code):
        after = [each for each in prove(planned(mended)).problems if each.code == code]
        assert len(after) < len(before), (label, [str(each) for each in after])
        assert label[0].isupper()
        assert not label.endswith(".")
        assert len(label) < 60


def test_what_could_be_mended_is() -> None:
    without = {name for name in FIXED if not offered(without_nothing(CASES[name][0]), name.split()[0])}
    alike = {name: name.split()[0] for name in without if name.split()[0] in NONE_FOR}
    assert {alike.get(name, name) for name in without} == NONE_FOR


BOOK = {
    "type": "object",
    "required": ["text", "ticket", "tier", "when"],
    "properties": {
        "text": {"type": "string"}, "ticket": {"type": "string"}, "tier": {"type": "string"}, "when": {"type": "integer"},
        "note": {"type": "string"},
    },
}  # fmt: skip


def test_what_a_tool_is_not_given_is_read_from_the_one_place_of_that_name_or_is_left_to_be_filled_in() -> None:
    own = {"http": {"url": "https://desk.example/"}, "effect": "none", "input": BOOK}
    steps = [get("who", "first"), put("first", "book", {"ticket": "x", "when": "soon"}), get("book", tool="own", input={})]
    ((label, mended),) = offered(flow(*steps, tools={"own": own}), "not_assignable")
    assert label == "Give it 4 inputs, 2 to be filled in"
    assert mended["steps"][2]["input"] == {
        "text": "${run.input.text}",
        "ticket": "${}",  # there are two
        "tier": "${steps.who.tier}",
        "when": "${}",  # what is called so is no number
    }
    assert [problem.code for problem in prove(planned(mended)).problems] == ["unfinished"] * 2
    only = {**own, "input": {"type": "object", "required": ["tier"], "properties": {"tier": {"type": "string"}}}}
    ((label, mended),) = offered(
        flow(get("who", "book"), get("book", tool="own", input={}), tools={"own": only}), "not_assignable"
    )
    assert (label, mended["steps"][1]["input"]) == ("Give it tier", {"tier": "${steps.who.tier}"})
    assert prove(planned(mended)).problems == ()


SPELLED = {
    "id": ("${run.input.txt + 'txt' + run.input['txt']}", "${run.input.text + 'txt' + run.input['text']}"),
    "templates": ("${run.input.txt}, txt, ${run.input.ticket}", "${run.input.text}, txt, ${run.input.ticket}"),
    "the txt": ("${run.input.txt}", "${run.input.text}"),
}
"""A key of a step's input → what is written there, and what is meant."""


@pytest.mark.parametrize("name", SPELLED)
def test_a_name_that_is_near_is_put_where_the_wrong_one_is_read_and_nowhere_else(name: str) -> None:
    written, meant = SPELLED[name]
    beside = {"id": "txt", "beside": ["${run.input.text}"]}
    ((label, mended),) = offered(flow(get("a", input={**beside, name: written})), "unknown_reference")
    assert label == "Read text instead"
    assert mended["steps"][0]["input"] == {**beside, name: meant}
    assert not [each for each in prove(planned(mended)).problems if each.code == "unknown_reference"]


def test_a_condition_reads_the_near_name_in_the_part_that_has_it_and_what_is_near_nothing_has_no_fix() -> None:
    when = {"all": ["steps.who.tier == 'pro'", "run.input.text != 'wo' && steps.wo.tier != 'vip'"]}
    ((label, mended),) = offered(flow(get("who", "a"), fork("a", when, "done", "done")), "unknown_reference")
    assert label == "Read who instead"
    assert mended["steps"][1]["cases"][0]["when"]["all"] == [when["all"][0], "run.input.text != 'wo' && steps.who.tier != 'vip'"]
    assert not prove(planned(mended)).problems
    assert offered(flow(get("a", input={"id": "${run.input.colour}"})), "unknown_reference") == []
    of_each = "${[run.input].map(x, x.txt)[0]}"  # what a macro goes over is no place
    assert offered(flow(get("a", input={"id": of_each})), "unknown_reference") == []


def test_what_a_place_begins_with_is_put_right_wherever_the_text_begins_one_with_it() -> None:
    written = "${rn.input.text}: rn, ${['rn'].map(x, x + rn.input.ticket)[0]} ${run.input.text}"
    ((label, mended),) = offered(flow(get("a", input={"id": written})), "unknown_reference")
    assert label == "Read run instead"
    assert mended["steps"][0]["input"]["id"] == written.replace("rn.input", "run.input")
    assert not prove(planned(mended)).problems
    when = {"any": ["run.input.text == ''", "stps.who.tier == 'pro'"]}
    ((_, mended),) = offered(flow(get("who", "a"), fork("a", when, "done", "done")), "unknown_reference")
    assert mended["steps"][1]["cases"][0]["when"]["any"][1] == "steps.who.tier == 'pro'"
    assert offered(flow(get("a", input={"id": "${colour}"})), "unknown_reference") == []


PROMPTED = {
    "txt {{ txt }} {{ text }} {% if txt %}{{ 'txt' }}{% endif %}": (
        "txt {{ text }} {{ text }} {% if text %}{{ 'txt' }}{% endif %}"
    ),
    "{{ who.teir }}, {{ who['teir'] | upper }} {{ teir }} {{ all.teir }}": (
        "{{ who.tier }}, {{ who['tier'] | upper }} {{ teir }} {{ all.teir }}"
    ),
    "{% for one in people %}{{ one.teir }}{{ loop.index }}{% endfor %}{{ one }}": (
        "{% for one in people %}{{ one.tier }}{{ loop.index }}{% endfor %}{{ one }}"
    ),
    "{% for txt in people %}{{ txt.tier }}{% else %}{{ txt }}{% endfor %}{{ txt }}": (
        "{% for txt in people %}{{ txt.tier }}{% else %}{{ text }}{% endfor %}{{ text }}"
    ),
    "Sort{#txt#}\r\n  {%- if loop_ %}\n{%raw%}{{ txt }}{%endraw%}{{txt}}{% endif %}": (
        "Sort{#txt#}\r\n  {%- if loop_ %}\n{%raw%}{{ txt }}{%endraw%}{{text}}{% endif %}"
    ),
    "{{ loop_ }}{{ txt }} " + "{{ txt }}" * 40: None,
}  # fmt: skip
"""What a prompt reads by a name that is near, and what is meant; None: it is too much to look for."""


@pytest.mark.parametrize("key", ["prompt", "system"])
@pytest.mark.parametrize("prompt", PROMPTED)
def test_a_prompt_reads_the_near_name_where_it_reads_the_wrong_one_and_keeps_the_rest(prompt: str, key: str) -> None:
    given = {"text": "${run.input.text}", "who": "${steps.who}", "people": "${[steps.who]}", "all": "${run.input}", "loop_": True}
    data = flow(get("who", "a"), ask("a", input=given, **{"prompt": "Sort it.", key: prompt}))
    meant = PROMPTED[prompt]
    assert [(label, mended["steps"][1][key]) for label, mended in offered(data, "unknown_reference")] == (
        [(f"Read {'tier' if 'teir' in prompt else 'text'} instead", meant)] if meant else []
    )


def test_what_a_prompt_reads_is_given_from_the_one_place_of_that_name_or_is_left_to_be_filled_in() -> None:
    def given(prompt: str, input: Data) -> list[tuple[str, Data]]:
        steps = [get("who", "first"), put("first", "a", {"ticket": {"subject": "x"}}), ask("a", prompt=prompt, input=input)]
        return [(label, data["steps"][2]["input"]) for label, data in offered(flow(*steps), "unknown_reference")]

    kept = {"text": "${run.input.text}"}
    assert given("Sort\n{{ text }} for {{ tier }}.", kept) == [("Give it tier", {**kept, "tier": "${steps.who.tier}"})]
    assert given("{{ tier }}", {}) == [("Give it tier", {"tier": "${steps.who.tier}"})]
    assert given("{{ ticket }}", {}) == [("Give it ticket, to be filled in", {"ticket": "${}"})]  # there are two
    assert given("{{ ticket.subject }}", {}) == [("Give it ticket", {"ticket": "${steps.first.ticket}"})]  # one has that
    assert given("{{ colour }}", kept) == [("Give it colour, to be filled in", {**kept, "colour": "${}"})]
    assert given("{{ txt }}", kept) == [("Read text instead", kept)]
    assert given("{{ text.tone }}", kept) == []
