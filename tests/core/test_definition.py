"""The text of a definition, whatever it is, becomes a `Definition` or problems that say where and what to do."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestration.core import definition, source
from orchestration.core.definition import from_data, parse
from orchestration.core.errors import Problem, Refused, Unreadable
from orchestration.core.fields import parse_duration

HEAD = """\
interlock: 1
id: small
outcomes: {ok: {kind: success}, broken: {kind: failure}}
on_failure: broken
start: done
steps:
"""
END = "  - {id: done, type: end, outcome: ok}\n"


def refusal(text: str | bytes) -> list[Problem]:
    with pytest.raises(Refused) as caught:
        parse(text)
    problems = list(caught.value.problems)
    assert problems
    for problem in problems:
        assert problem.severity == "error"
        assert problem.message.endswith((".", "?"))
        assert len(problem.message) < 300
        assert len(problem.path) < 2000
    return problems


UNREADABLE = {
    "anchor": ("a: &x 1\nb: *x", "anchor", 1),
    "alias alone": ("a: *x", "anchor", 1),
    "merge key": ("a: {<<: {b: 1}}", "anchor", 1),
    "anchor on a key": ("a: 1\n&x b: 1", "bad_key", 2),
    "a billion laughs": ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "anchor", 1),
    "tag": ("a: !!python/object/apply:os.system [x]", "tag", 1),
    "duplicate key": ("a: 1\nb: 2\na: 3", "duplicate_key", 3),
    "duplicate key in JSON": ('{"a": 1,\n "a": 2}', "duplicate_key", 2),
    "1 MB of lists": ("[" * 1_000_000, "too_deep", 1),
    "1 MB of mappings": ("{" * 1_000_000, "too_deep", None),
    "1 MB of JSON lists": ('{"a":' + "[" * 1_000_000 + "]" * 900_000 + "}", "too_deep", None),
    "1 MB of block lists": ("- " * 500_000, "too_deep", 1),
    "1 MB of block mappings": ("".join(" " * n + "a:\n" for n in range(1400)), "too_deep", 61),
    "too many values": ("[" + "1," * 200_001 + "]", "too_large", 1),
    "too many bytes": ("#" * 2_000_001, "too_large", None),
    "NUL": ("a: 1\nb: x\0y", "bad_character", 2),
    "NUL as an escape": ('a: 1\nb: "x\\0y"', "bad_character", 2),
    "NUL in a key": ('"a\\0": 1', "bad_character", 1),
    "NUL in JSON": ('{"a": "\\u0000"}', "bad_character", None),
    "lone surrogate": ("a: \ud800", "bad_character", 1),
    "lone surrogate as an escape": ('a: "\\ud800"', "not_yaml", 1),
    "lone surrogate in JSON": ('{"b": 1,\n"a": "\\ude00"}', "bad_character", 2),
    "control character": ("a: \x01", "not_yaml", None),
    "not UTF-8": (b"a: \xff", "not_text", None),
    "NaN": ("a: .nan", "not_a_number", 1),
    "NaN in JSON": ('{"a": NaN}', "not_a_number", None),
    "infinity": ("a: -.inf", "not_a_number", 1),
    "a double too large": ("a: 1e400", "not_a_number", 1),
    "a double too large in JSON": ('{"a": 1e400}', "not_a_number", None),
    "an integer too large": ("a: 9223372036854775808", "number_too_large", 1),
    "a million digits": ("a: " + "9" * 1_000_000, "number_too_large", 1),
    "a key that is a list": ("? [a]\n: 1", "bad_key", 1),
    "two documents": ("a: 1\n---\na: 2", "not_yaml", 2),
    "nothing": ("", "empty", None),
    "a comment": ("# nothing", "empty", None),
    "broken YAML": ("a: 1\nb: [1, 2", "not_yaml", 2),
    "a tab": ("a:\n\tb: 1", "not_yaml", 2),
    "broken JSON": ('{"a": 1,\n"b": ]}', "not_yaml", 2),
    "HTML": ("<!doctype html>\n<a: b: c>", "not_yaml", 2),
}


@pytest.mark.parametrize(("text", "code", "line"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_refused_with_one_problem_and_its_line(text: str | bytes, code: str, line: int | None) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(text)
    [problem] = caught.value.problems
    assert (problem.code, problem.line) == (code, line)


FAULTS = {
    "a quote that the next one closes": (
        'id: x\ntitle: "My flow\nmodels:\n  main: {provider: a}\nprompt: "Hello"\n',
        2,
        "closed in line 5 only, where another was to open",
    ),
    "a quote within braces": (
        'id: x\nsteps:\n  - {id: a, prompt: "Hi, next: b}\n  - {id: b, prompt: "Ho"}',
        3,
        "closed in line 4",
    ),
    "a quote that nothing closes": ('id: x\ntitle: "My flow\nmodels: {}\n', 2, "never closed"),
    "a quote within quotes": ("id: x\ntitle: 'It's mine'\n", 2, "A quote within quotes is written ''."),
    "a tab before a key": ("steps:\n\t- id: a", 2, "A tab stands here"),
    "a tab before a deeper key": ("steps:\n  - id: a\n\ttype: x", 3, "A tab stands here"),
    "a bare expression": ("input: {text: ${run.input.text}}", 1, 'write "${…}"'),
    "a bare prompt": ("prompt: {{ text }}", 1, "needs quotes"),
    "an open brace": ("models: {main: {provider: a}\nid: x", 2, "the } of what opens in line 1"),
    "a list that ends in the air": ("id: x\nsteps: [", 2, "a list or mapping is not closed"),
    "a word without a colon": ("interlock: 1\nid x\ntitle: y", 2, "`key: value`"),
    "a colon in a text": ("title: Ask: them", 1, "A text that holds one needs quotes"),
    "a key that hangs in the air": ("steps:\n  - id: a\n   type: b", 3, "indented like nothing around it"),
    "a sign that begins nothing": ("title: @home", 1, "can't begin with @"),
    "an escape that is none": ('title: "a\\d"', 1, "begins no escape"),
    "quotes that are well": ('a: "x\n  y"\nb: "z"\nc: [1, 2\nd: 3', 5, "the ] of what opens in line 4"),
}


@pytest.mark.parametrize(("text", "line", "words"), FAULTS.values(), ids=FAULTS)
def test_what_is_no_yaml_is_said_in_words_where_it_went_wrong(text: str, line: int, words: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(text)
    [problem] = caught.value.problems
    assert words in problem.message
    assert (problem.line, problem.message[-1]) == (line, ".")


MISFITS = {
    "a list": ("- 1", [("wrong_type", "", None, 1)]),
    "a word": ("hello", [("wrong_type", "", None, 1)]),
    "another format": ("interlock: 2", [("format", "interlock", None, 1)]),
    "a format that is true": ("interlock: true", [("format", "interlock", None, 1)]),
    "unknown key": (HEAD + END + "oops: 1", [("unknown_key", "oops", None, 8)]),
    "unknown key of a step": (HEAD + END.replace("}", ", nxt: x}"), [("unknown_key", "steps[0].nxt", "done", 7)]),
    "no steps": (HEAD + "  []", [("bad_value", "steps", None, 6)]),
    "a step without a type": (HEAD + "  - {id: done}", [("missing_key", "steps[0]", "done", 7)]),
    "a slip in a type": (HEAD + "  - {id: done, type: ned}", [("unknown_step_type", "steps[0]", "done", 7)]),
    "a type that is a list": (HEAD + "  - {id: done, type: [end]}", [("unknown_step_type", "steps[0]", "done", 7)]),
    "a step that is a number": (HEAD + "  - 5", [("wrong_type", "steps[0]", None, 7)]),
    "steps that are a mapping": (HEAD + "  {}", [("wrong_type", "steps", None, 6)]),
    "an id of CEL's": (HEAD + "  - {id: loop, type: end, outcome: ok}", [("reserved_id", "steps[0].id", "loop", 7)]),
    "an id of ours": (HEAD + "  - {id: carry, type: end, outcome: ok}", [("reserved_id", "steps[0].id", "carry", 7)]),
    "a capital in an id": (HEAD + "  - {id: Done, type: end, outcome: ok}", [("bad_id", "steps[0].id", "Done", 7)]),
    "null for an id": (HEAD + "  - {id: null, type: end, outcome: ok}", [("wrong_type", "steps[0].id", None, 7)]),
    "a number for text": (HEAD + "  - {id: done, type: end, outcome: 1}", [("wrong_type", "steps[0].outcome", "done", 7)]),
    "a condition that is a number": (
        HEAD + "  - {id: b, type: branch, cases: [{when: 5, to: done}], default: done}",
        [("wrong_type", "steps[0].cases[0].when", "b", 7)],
    ),
    "neither all, any nor a number": (
        HEAD + "  - {id: p, type: parallel, join: some, branches: [{id: a, body: [{id: x, type: set, values: {}}]}]}",
        [("not_in_list", "steps[0].join", "p", 7)],
    ),
    "a key that is also a type": (HEAD + "  - {id: t, type: tool, tool: 5}", [("wrong_type", "steps[0].tool", "t", 7)]),
    "many at once, each in its place": (
        HEAD
        + "  - id: t\n    type: tool\n    tool: x\n    timeout: 5x\n    retry: {attempts: 0, errors: [slow]}\n"
        + "    fallback: [{}]\n    catch:\n      - {errors: [timeut], to: done}\n",
        [
            ("bad_value", "steps[0].timeout", "t", 10),
            ("bad_value", "steps[0].retry.attempts", "t", 11),
            ("not_in_list", "steps[0].retry.errors[0]", "t", 11),
            ("bad_value", "steps[0].fallback[0]", "t", 12),
            ("not_in_list", "steps[0].catch[0].errors[0]", "t", 14),
        ],
    ),
    "in a loop's body": (
        HEAD + "  - id: r\n    type: loop\n    max: 3\n    body:\n      - {id: x, type: set, values: 3}\n",
        [("wrong_type", "steps[0].body[0].values", "x", 11)],
    ),
}


@pytest.mark.parametrize(("text", "expected"), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_is_refused_place_by_place(text: str, expected: list[tuple[str, str, str | None, int]]) -> None:
    assert [(p.code, p.path, p.step, p.line) for p in refusal(text)] == expected


SAID = {
    "  - {id: p, type: parallel, join: some, branches: [{id: a, body: [{id: x, type: set, values: {}}]}]}": (
        "join has to be 'all' or 'any', or a whole number; it is \"some\"."
    ),
    "  - {id: m, type: map, over: x, max_items: 3, need: 120%, body: [{id: x, type: set, values: {}}]}": (
        "120% is more than all of them. Write a share of 100% at most."
    ),
    "  - {id: m, type: map, over: x, max_items: 3, need: 1.5%, body: [{id: x, type: set, values: {}}]}": (
        "How many must succeed is written as a number, or as a share of all: 80%."
    ),
    "  - {id: t, type: tool, tool: x, timeout: -5s}": "A duration is more than nothing and at most 366 days.",
}


@pytest.mark.parametrize("step", SAID)
def test_what_has_to_stand_there_is_said_in_one_sentence(step: str) -> None:
    assert [problem.message for problem in refusal(HEAD + step)] == [SAID[step]]


SLIPS = {
    "limts: {}": "did you mean limits? There are escalation, id, index, ",
    "models: {main: {provder: x}}": "did you mean provider? There are model, params, provider, usd_per",
    "tools: {t: {http: {url: 'https://x', header: {}}}}": "did you mean headers? There are body, headers, method and url.",
}
STEP_SLIPS = {
    "{id: a, type: llm, model: m, prompt: p, repiar: {}}": "did you mean repair? There are catch, checks, expects, fallback, ",
    "{id: a, type: llm, model: m, prompt: p, repair: {attempt: 1}}": "did you mean attempts?",
    "{id: a, type: end, outcome: ok, next: b}": "The key next is not known here. Remove it. There are catch, expects, id, note, ",
    "{id: a, type: loop, max: 1, body: [{id: b, type: set, valus: {}}]}": "did you mean values? There are catch, ",
    "{id: a, type: branch, default: b, cases: [{when: x, too: b}]}": "did you mean to? There are label, to and when.",
    "{id: a, type: humna}": '"humna" is no type of step; did you mean human?',
    "{id: a, type: switch}": "is no type of step; did you mean wait?",
    "{id: a}": "There are llm, tool, branch, set, loop, map, parallel, human, wait, workflow and end.",
}


@pytest.mark.parametrize(
    ("text", "words"),
    [(HEAD + END + slip, words) for slip, words in SLIPS.items()]
    + [(f"{HEAD}  - {slip}", words) for slip, words in STEP_SLIPS.items()],
    ids=[*SLIPS, *STEP_SLIPS],
)
def test_a_slip_of_the_pen_is_answered_with_what_is_known_there(text: str, words: str) -> None:
    assert words in " ".join(problem.message for problem in refusal(text))


def test_a_hundred_problems_are_enough() -> None:
    assert len(refusal(HEAD + "".join(f"  - {{id: s{n}, type: end}}\n" for n in range(500)))) == 100


def test_a_bad_character_in_data_is_refused_with_its_place() -> None:
    data = parse(HEAD + END).data | {"title": "a\0b"}
    with pytest.raises(Refused) as caught:
        from_data(data)
    assert [(p.code, p.path) for p in caught.value.problems] == [("bad_character", "title")]


def test_json_and_yaml_of_one_definition_are_one_definition() -> None:
    written = parse(HEAD + "  - {id: done, type: end, outcome: ok, title: 😀, note: 'yes'}\n")
    for text in (json.dumps(written.data), json.dumps(written.data, indent="\t"), json.dumps(written.data, ensure_ascii=False)):
        assert "\\ud83d" in text or "😀" in text
        assert parse(text).hash == parse(text.encode()).hash == from_data(written.data).hash == written.hash
    assert parse(json.dumps(written.data, indent=2)).source.line("steps[0].outcome") == 18


def test_layout_is_not_part_of_the_hash_and_all_else_is() -> None:
    plain = parse(HEAD + END)
    assert parse(HEAD + END + "layout: {done: [1, 2]}\n").hash == plain.hash
    assert parse(HEAD + END + "note: More\n").hash != plain.hash


def test_words_keep_their_yaml_1_2_meaning() -> None:
    read = source.read("a: no\nb: on\nc: 12:30\nd: 2024-01-01\ne: 0777\nf: ! 12\ng: ~\nh: '1'\ni: 1_000\nj: -0.0").data
    assert list(read.values()) == ["no", "on", "12:30", "2024-01-01", 777, "12", None, "1", "1_000", 0.0]
    assert str(read["j"]) == "0.0"


def test_a_place_without_a_line_has_the_line_of_what_holds_it() -> None:
    found = source.read("a:\n  b:\n    - c\n    - d: 1\n")
    assert [found.line(path) for path in ("a", "a.b[1].d", "a.b[1].zz.y", "a.b[7]", "q", "")] == [1, 4, 4, 2, 1, 1]


@pytest.mark.parametrize(
    ("written", "seconds"), [("500ms", 0.5), ("5s", 5), ("30m", 1800), ("1.5h", 5400), ("2d", 172800), (7, 7.0), (0.25, 0.25)]
)
def test_durations(written: str | float, seconds: float) -> None:
    assert parse_duration(written) == pytest.approx(seconds)


@pytest.mark.parametrize("written", ["5", "5 s", "-1s", "0s", 0, "367d", True, None, [1], "1e3s", "5sm", "٣s"])
def test_what_is_no_duration(written: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(written)


def test_every_step_type_can_be_read() -> None:
    steps = [
        {"id": "a", "type": "llm", "model": "m", "prompt": "p", "tools": ["x.y"], "max_rounds": 3},
        {"id": "b", "type": "tool", "tool": "x.y", "timeout": "5s"},
        {"id": "c", "type": "branch", "cases": [{"when": {"all": ["true"]}, "to": "a"}], "default": "b"},
        {"id": "d", "type": "set", "values": {"x": "${1}"}},
        {"id": "e", "type": "loop", "max": 2, "body": [{"id": "f", "type": "set", "values": {}}]},
        {"id": "g", "type": "map", "over": "${[1]}", "max_items": 9, "body": [{"id": "h", "type": "set", "values": {}}]},
        {"id": "i", "type": "parallel", "branches": [{"id": "n", "body": [{"id": "o", "type": "set", "values": {}}]}], "join": 1},
        {"id": "j", "type": "human", "actions": [{"id": "ok", "label": "Fine", "to": "a"}], "deadline": "1d", "on_deadline": "a"},
        {"id": "k", "type": "wait", "event": "paid", "correlation": "${run.id}", "deadline": "1d", "on_deadline": "a"},
        {"id": "l", "type": "workflow", "workflow": "other@3"},
        {"id": "m", "type": "end", "outcome": "ok"},
    ]
    read = from_data(parse(HEAD + END).data | {"steps": steps})
    assert [step.type for step in read.workflow.steps] == list(definition.STEP_TYPES)
    places = [place for place, _ in definition.walk(read.workflow.steps)]
    assert places[4:8] == ["steps[4]", "steps[4].body[0]", "steps[5]", "steps[5].body[0]"]
    assert places[8:11] == ["steps[6]", "steps[6].branches[0]", "steps[6].branches[0].body[0]"]


# Properties

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
STEP_KEYS = ("next", "cases", "body", "input", "catch", "actions", "max", "tool", "retry", "tools")
TRICKY = st.sampled_from(
    ["", " ", "yes", "on", "null", "~", "1", "1.0", "0x1f", ".inf", "a: b", "- x", "#c", "*a", "&a", "!t", "<<", "a\nb", "a\n",
     "\n", " lead", "trail ", "\ttab", "'", '"', "${x}", "{{ y }}", "%", "@", "`", "|", ">", "\x85", "\u2028", "\ufeff", "\x7f",
     "12:30", "x" * 200]
)  # fmt: skip
WORDS = TEXT | TRICKY
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | WORDS
LISTED = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4), max_leaves=5)
PLAIN = st.recursive(LISTED, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=15)
STEPS = st.recursive(
    PLAIN,
    lambda inner: st.fixed_dictionaries(
        {"id": st.just("s"), "type": st.sampled_from(definition.STEP_TYPES)}, optional=dict.fromkeys(STEP_KEYS, inner)
    ),
    max_leaves=8,
)


@given(PLAIN)
def test_what_is_written_is_read_back_the_same(data: object) -> None:
    assert source.read(source.write(data)).data == data


@given(PLAIN)
def test_json_text_is_read_as_json(data: object) -> None:
    assert source.read(json.dumps({"data": data})).data == {"data": data}


@given(st.text(max_size=60) | st.text(st.sampled_from("{}[]:,&*!|>-?#'\" \n\tab1.~"), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = source.read(text)
    except Unreadable:
        return
    json.dumps(found.data, allow_nan=False)


@given(STEPS)
def test_any_step_is_read_or_refused_in_our_words(step: object) -> None:
    data = parse(HEAD + END).data | {"steps": [step]}
    try:
        problems = () if from_data(data) else None
    except Refused as error:
        problems = error.problems
    assert all(problem.path.startswith("steps") and "Input should" not in problem.message for problem in problems)


def test_written_yaml_means_the_same_to_other_readers() -> None:
    data = {"a": "yes", "b": "on", "c": "12:30", "e": "a\nb\n", "f": ["x", "no"], "g": {"id": "q", "t": "  two\n lines"}}
    assert yaml.safe_load(source.write(data)) == data
