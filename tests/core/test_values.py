"""What comes in as JSON is kept whole, mended with a mark, or refused with one problem; what is written is canonical."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core import values
from orchestration.core.errors import Unreadable

plain_text = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
wild_text = st.text(max_size=8) | st.sampled_from(["\x00", "a\ud800", "\udfff\ud83d", "\ud83d\ude00"])
scalars = st.none() | st.booleans() | st.integers(values.clean.__globals__["INT_MIN"], 2**63 - 1)


def trees(leaf: st.SearchStrategy[Any], keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(leaf, lambda sub: st.lists(sub, max_size=4) | st.dictionaries(keys, sub, max_size=4), max_leaves=25)


clean_floats = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)
clean_trees = trees(scalars | clean_floats | plain_text, plain_text)
wild_trees = trees(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | wild_text | st.just(object()) | st.just(b"x"),
    wild_text,
)


def problem(text: str | bytes, **caps: int) -> str:
    with pytest.raises(Unreadable) as caught:
        values.parse_json(text, **caps)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0].code


def answer(read: Any, source: Any) -> Any:
    """What a door gives: the clean value, or the code of its one problem."""
    try:
        return read(source)
    except Unreadable as error:
        codes = [each.code for each in error.problems]
    assert len(codes) == 1
    return codes[0]


def same(one: Any, other: Any) -> bool:
    """Equal, and 1, 1.0 and True apart."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not_json"),
        ("{", "not_json"),
        ("[1,]", "not_json"),
        ("{'a': 1}", "not_json"),
        ('"a\x00b"', "not_json"),
        (b'"\xff"', "not_json"),
        ("NaN", "not_a_number"),
        ("[-Infinity]", "not_a_number"),
        ("1e400", "not_a_number"),
        ("9223372036854775808", "number_too_large"),
        ("-9223372036854775809", "number_too_large"),
        ("[" + "1" * 5001 + "]", "number_too_large"),
        ('{"a": 1, "a": 2}', "duplicate_key"),
        ('{"a": 1, "\\u0061": 2}', "duplicate_key"),
        ('{"\\u0000": 1, "\ufffd": 2}', "duplicate_key"),
        ("[" * 101 + "]" * 101, "too_deep"),
        ("[" * 950, "too_deep"),
        ("[" * 950 + '{"a": 1, "a": 2', "too_deep"),
        ("[" * 100_000, "too_deep"),
        ('{"a":' * 100_000, "too_deep"),
        ('"' + "[" * 300 + '\\"' + "[" * 101, "not_json"),
        ('"' + "a" * 4_000_000 + '"', "too_large"),
        ("[" + "0," * 200_000 + "0]", "too_large"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_one_problem(text: str | bytes, code: str) -> None:
    assert problem(text) == code


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": [1, {"b c": NaN}]}', 'a[1]["b c"]'),
        ("[0, 1e400, NaN]", "[1]"),
        ('{"a": {"x": 1, "x": 2}, "b": 1e400}', "a"),
        ('{"a": {"x": 9223372036854775808, "y": [NaN]}}', "a.x"),
        ("NaN", ""),
        ('{"a": NaN, "a": 1}', ""),
        ('{"a": NaN', ""),
    ],
)
def test_a_value_that_can_t_be_kept_is_told_by_its_place(text: str, place: str) -> None:
    with pytest.raises(Unreadable) as caught:
        values.parse_json(text)
    assert caught.value.problems[0].path == place


@pytest.mark.parametrize("end", ["]" * 101, ""])
def test_what_is_too_deep_says_in_which_line(end: str) -> None:
    with pytest.raises(Unreadable, match="at line 3, column 92"):
        values.parse_json('{"a":\n [[[[[[[[\n' + "[" * 101 + end)


def test_brackets_inside_a_string_are_not_depth() -> None:
    text = json.dumps({'a\\"': "[{" * 500 + '"'})
    assert values.parse_json(text).value == {'a\\"': "[{" * 500 + '"'}


def test_caps_are_exact() -> None:
    assert values.parse_json("[" * 100 + "]" * 100).marks == ()
    assert len(values.parse_json("[" + "0," * 8 + "0]", max_nodes=10).value) == 9
    assert problem("[" + "0," * 9 + "0]", max_nodes=10) == "too_large"
    assert values.parse_json('"é"', max_bytes=4).value == "é"
    assert problem('"é"', max_bytes=3) == "too_large"


@pytest.mark.parametrize(
    ("text", "value", "marks"),
    [
        (b'\xef\xbb\xbf{"a": 1E2, "b": -0.0, "c": -0}', {"a": 100.0, "b": 0.0, "c": 0}, ()),
        ('["a\\u0000b", {"k\\ud800": "\\udc00\\ud83d\\ude00"}]', ["a\ufffdb", {"k\ufffd": "\ufffd😀"}],
         ("[0]", '[1]["k\ufffd"]', '[1]["k\ufffd"]')),
        ('{"a": ["\ud83d"]}', {"a": ["\ufffd"]}, ("a[0]",)),
    ],
)  # fmt: skip
def test_what_can_be_mended_is_mended_and_marked(text: str | bytes, value: Any, marks: tuple[str, ...]) -> None:
    read = values.parse_json(text)
    assert same(read.value, value)
    assert read.marks == marks
    assert not values.canonical(read.value).count("-0")


@settings(max_examples=100)
@given(clean_trees)
def test_a_clean_value_survives_every_door_unchanged(tree: Any) -> None:
    for text in (json.dumps(tree), json.dumps(tree, ensure_ascii=False), values.dump(tree), values.canonical(tree)):
        assert same(values.parse_json(text).value, tree)
        assert same(values.parse_answer(f"```json\n{text}\n```").value if isinstance(tree, dict) and tree else tree, tree)
        assert same(values.load(text), tree)
    assert values.clean(tree) == values.Clean(tree)
    assert values.digest(tree) == values.digest(json.loads(json.dumps(tree)))


@settings(max_examples=100)
@given(wild_trees)
def test_whatever_comes_in_is_clean_or_refused(tree: Any) -> None:
    before = repr(tree)
    result = answer(values.clean, tree)
    assert repr(tree) == before
    if isinstance(result, values.Clean):
        assert values.clean(result.value) == values.Clean(result.value)
        assert same(values.load(values.canonical(result.value)), result.value)
        assert (repr(result.value) == before) or result.marks or "-0" in before


@settings(max_examples=100)
@given(wild_trees)
def test_text_and_value_doors_agree(tree: Any) -> None:
    """`parse_json` has a short cut, `clean` another; neither may change the answer."""
    try:
        text = json.dumps(tree)
    except TypeError:
        return
    assert repr(answer(values.parse_json, text)) == repr(answer(values.clean, json.loads(text)))


def test_only_json_types_are_taken() -> None:
    class Name(str):
        __slots__ = ()

    cleaned = values.clean({"a": (1, 2.5), "b": Name("x")})
    assert cleaned.value == {"a": [1, 2.5], "b": "x"}
    assert type(cleaned.value["b"]) is str
    loop: list[Any] = []
    loop.append(loop)
    for bad, code, path in [
        ({"a": [math.nan]}, "not_a_number", "a[0]"),
        ({"a": {1, 2}}, "not_json", "a"),
        ({1: 2}, "not_json", ""),
        ([2**64], "number_too_large", "[0]"),
        (b"x", "not_json", ""),
        (loop, "too_deep", ""),
        ([loop] * 3, "too_deep", ""),
    ]:
        with pytest.raises(Unreadable) as caught:
            values.clean(bad)
        assert (caught.value.problems[0].code, caught.value.problems[0].path) == (code, path)


def test_canonical_text_keeps_doubles_apart_and_sorts_by_code_point() -> None:
    assert values.canonical({"b": 3.0, "a": 3, "é": "\n😀", "Z": [None, True]}) == '{"Z":[null,true],"a":3,"b":3.0,"é":"\\n😀"}'
    assert values.digest({"a": 1, "b": 2}) == values.digest({"b": 2, "a": 1}) != values.digest({"a": 1.0, "b": 2})


GOOD = {"label": "refund", "why": "a { brace, a ``` fence", "items": [1, {"x": None}]}


@pytest.mark.parametrize(
    "answer",
    [
        "{}",
        "  \ufeff {}\n",
        "```json\n{}\n```",
        "Here you are:\n\n```JSON\n{}\n```\nAs shown in [1], {{this}} is so.",
        "```\n{}",
        "Sure! The result [1] is {}. Anything else?",
        '{}\n\nExplanation: {"other": 1',
        "{}{}",
        '{}<|im_end|>\nuser\n{"label": "bug"}',
        "[see the set {x}] and [text](http://x) then {}",
        '<think>\nmaybe {"label": "bug"}?\n</think>\n{}',
    ],
)
def test_the_object_a_model_meant_is_found(answer: str) -> None:
    assert values.parse_answer(answer.replace("{}", json.dumps(GOOD))).value == GOOD


def test_other_values_are_found_where_there_is_no_doubt() -> None:
    assert values.parse_answer('"refund"').value == "refund"
    assert values.parse_answer("The ids are [4, 5].").value == [4, 5]
    assert values.parse_answer('Rows: [{"a": 1}, {"a": 2}] done').value == [{"a": 1}, {"a": 2}]
    assert values.parse_answer('{"text": "two\nlines\x00"}') == values.Clean({"text": "two\nlines\ufffd"}, ("text",))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("", "is empty"),
        (" \n\t", "is empty"),
        ("I cannot do that.", "no JSON object"),
        ("<!DOCTYPE html><html>{}</html>", "HTML"),
        ("<think>hm", "inside <think>"),
        ("{'label': 'refund'}", "not JSON"),
        ('{"a": {"b": 1}, oops: 2}', "line 1, column 17"),
        ('{"a": 1, "b": [{"c": 2}, x]}', "not JSON"),
        ('Rows: [{"a": 1}, oops]', "not JSON"),
    ],
)
def test_what_holds_no_json_is_told_so(answer: str, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence) as caught:
        values.parse_answer(answer)
    assert caught.value.problems[0].code == ("not_json")


def test_a_cut_answer_is_never_taken_for_a_part_of_it() -> None:
    whole = json.dumps({"list": [{"a": 1.5}, {"b": True}], "n": -12, "text": 'é" \\ {"x": 1}', "last": None})
    for end in range(1, len(whole)):
        for before in ("", "```json\n", "Here: "):
            with pytest.raises(Unreadable) as caught:
                values.parse_answer(before + whole[:end])
            assert caught.value.problems[0].code == "not_json"
            assert end < 3 or "ends before it is complete" in caught.value.problems[0].message


@pytest.mark.parametrize(
    "text",
    ["[" * 90_000, "{" * 90_000, '{"a":' * 90_000, '[[ "' * 50_000, "{ " + " " * 500_000, "```\n" * 60_000, "[1] " * 50_000,
     'x {"' + "[" * 99_999, '"' * 100_000, "[1, " * 99 + "x" * 100_000, '[tx ' * 50_000, "1" * 300_000, '{"a":' + "1" * 300_000],
)  # fmt: skip
def test_a_hostile_answer_gets_one_problem_or_a_value(text: str) -> None:
    assert answer(values.parse_answer, text) in ("not_json", "too_deep", "number_too_large", "too_large", values.Clean([1]))
