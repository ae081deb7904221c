"""Expressions: what they give, what is refused before they run, and what is said when one fails."""

import json
import threading
from typing import Any

import pytest

from orchestration.core.contract import contract
from orchestration.core.errors import EvaluationError, Refused
from orchestration.core.expression import (
    Read,
    compile_expression,
)
from tests.core.seen import ENV, NUMBER, SIGHT, give, problems


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("steps.classify.confidence >= 0.8 && steps.classify.label != 'refund'", True),
        ("steps.classify.confidence >= 1", False),
        ("run.input.total * 2 + 1", 7.0),
        ("run.input.total == 3", True),
        ("run.input.total in [1, 3]", True),
        ("size(run.input.items) * 1.5", 3.0),
        ("size(run.input.items) > 1.5", True),
        ("7 / 2", 3),
        ("math.greatest(run.input.total, 1)", 3.0),
        ("1 == 1.0", True),
        ("true ? 1 : 'a'", 1),
        ("[1, 2.5, 'a', null]", [1, 2.5, "a", None]),
        ("run.input['text']", "hello"),
        ("run.input.any.k[1]", 2),
        ("run.input.items.map(i, i.sku).join(', ')", "a, b"),
        ("run.input.items.filter(i, has(i.qty)).map(i, i.qty)", [2]),
        ("run.input.items.filter(i, has(i.note) && i.note != null).map(i, i.note.size())", []),
        ("run.input.items.exists(run, run.price > 1)", True),
        ("has(run.input.items[0].qty) && run.input.items[0].qty > 1", True),
        ("string(timestamp('2026-01-31T00:00:00Z') + duration('24h'))", "2026-02-01T00:00:00Z"),
        # what is missing or null, asked for
        ("has(run.input.vip)", False),
        ("has(steps.maybe.x)", False),
        ("has(steps.maybe) && steps.maybe.x > 1", False),
        ("!has(run.input.vip) || run.input.vip", True),
        ("has(run.input.count) ? run.input.count : null", None),
        ("steps.customer.address == null", True),
        ("has(steps.customer.address.city)", False),
        ("steps.customer.address != null && steps.customer.address.city == 'x'", False),
        ("has(steps.customer.score) && steps.customer.score != null && steps.customer.score > 1", False),
    ],
)
def test_an_expression_gives_plain_json(source: str, value: Any) -> None:
    result = give(source)
    assert (type(result), json.dumps(result)) == (type(value), json.dumps(value))
    assert contract(compile_expression(source, SIGHT).schema).accepts(result)


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("", "unfinished", "Nothing stands here yet"),
        ("1 +", "expression_syntax", "ends too early (line 1, column 4)"),
        ("1 ) 2", "expression_syntax", "`)` is not expected"),
        ("run.input.text == 'a\x00'", "expression_syntax", "NUL"),
        ("'\ud800'", "expression_syntax", "surrogate"),
        ("loop == 1", "reserved_word", "`loop`"),
        ("step.classify", "unknown_reference", "`step` is not in sight here; did you mean steps?"),
        ("steps.classify.lable == 'x'", "unknown_reference", '`steps.classify` has no "lable"; did you mean label?'),
        ("run.input.items.exists(i, i.prise > 2)", "unknown_reference", "did you mean price?"),
        ("run.input.items.filter(i, i.price > 1).map(i, i.prise)", "unknown_reference", "did you mean price?"),
        ("run.input.items[0].prise", "unknown_reference", "did you mean price?"),
        ("run.input.text.foo", "unknown_reference", "`run.input.text` is text"),
        ("has(run.input.vipp)", "unknown_reference", "did you mean vip?"),
        ("run.input.vip", "optional_unguarded", "Say what it is otherwise: has(run.input.vip) ? run.input.vip : …"),
        ("run.input.vip && has(run.input.vip)", "optional_unguarded", "may be missing"),
        ("has(run.input.vip) || run.input.vip", "optional_unguarded", "may be missing"),
        ("has(run.input.vip) ? 1 : run.input.count", "optional_unguarded", "`run.input.count`"),
        ("steps.maybe.x > 1", "optional_unguarded", "`steps.maybe` may be missing"),
        ("steps.customer.address.city == 'x'", "optional_unguarded", "`steps.customer.address` may be null"),
        ("has(steps.customer.score) && steps.customer.score > 1", "optional_unguarded", "may be null"),
        ("run.input.items.all(i, i.qty > 1)", "optional_unguarded", "`i.qty` may be missing"),
        ("run.input.items.filter(i, has(i.qty)).map(i, i.note)", "optional_unguarded", "`i.note` may be missing"),
        ("steps.classify.label == 'refnd'", "expression_type", 'is never "refnd"; did you mean refund?'),
        ("steps.classify.label in ['refund', 'bgu']", "expression_type", 'is never "bgu"; did you mean bug?'),
        ("steps.classify.label == 3", "expression_type", "compares text with a whole number: they are never equal"),
        ("steps.classify.label > 3", "expression_type", "compares text with a whole number"),
        ("run.input.text + 1", "expression_type", "adds text and a whole number. Use string(…)"),
        ("run.input.text && true", "expression_type", "must be true or false"),
        ("size(run.input.total)", "expression_type", "must be text, a list or an object"),
        ("run.input.text.sise()", "expression_type", "did you mean size?"),
        ("run.input.text = 'x'", "expression_syntax", "`=` is not expected; did you mean `==`?"),
        ("run.input.text.matches('(')", "expression_type", "no regular expression: missing ), "),
        ("run.input.text.matches('a(?=b)')", "expression_type", "has a look-around, (?=…)"),
        ("run.input.text.matches(r'(a)\\1')", "expression_type", "has a back-reference, \\1"),
        ("run.input.text.matches('a{99999}')", "expression_type", "is too large"),
        ("timestamp('2026-01-01T00:00:00Z')", "expression_type", "timestamp, which JSON doesn't have"),
        ("{1: 2}", "expression_type", "the key of an object must be text"),
        ("type(run)", "expression_type", "no function type()"),
        ("1e400", "expression_type", "too large"),
        ("'a' * 3", "expression_type", "must be a number"),
        ("'x' + " * 1000 + "'x'", "expression_too_long", "4,000"),
        ("1 + " * 40 + "1", "expression_too_long", "32 levels"),
        ("run.input.any == Foo{a: 1}", "expression_syntax", "message type Foo"),
    ],
)
def test_a_slip_is_found_before_anything_runs(source: str, code: str, words: str) -> None:
    ((found, path, message),) = problems(source)
    assert (found, path) == (code, "p")
    assert words in message


def test_the_kind_that_is_wanted_is_checked() -> None:
    with pytest.raises(Refused, match="may be text, where a number is wanted"):
        compile_expression("run.input.text", SIGHT, wants=NUMBER)
    with pytest.raises(Refused, match='may be "refund", where only "bug"'):
        compile_expression("steps.classify.label", SIGHT, wants={"enum": ["bug", "question"]})
    assert compile_expression("size(run.input.items)", SIGHT, wants=NUMBER).evaluate(ENV) == 2


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("run.input.any.foo", "`run.input.any.foo` is not there"),
        ("run.input.any.foo > 1", "`run.input.any.foo` is not there, and `run.input.any.foo > 1` needs it"),
        ("run.input.items[5].price > 1", "index=5 size=2"),
        ("run.input.any * 2", "* does not take map and int. Convert with"),
        ("1 / (size(run.input.text) - 5)", "divide by zero"),
        ("9223372036854775807 + size(run.input.text)", "overflow"),
        ("1.0 / 0.0", "can't be kept"),
    ],
)
def test_what_fails_on_these_values_says_so_in_the_words_of_the_source(source: str, sentence: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        give(source)
    assert sentence in str(caught.value)
    assert "_p" not in str(caught.value)


def test_reads_say_what_is_read_and_whether_it_was_asked_for() -> None:
    source = "has(steps.maybe.x) && steps.maybe.x > size(run.input.items) && run.input.items[0].price > 1 && has(run.input.vip)"
    assert compile_expression(source, SIGHT).reads == (
        Read(("steps", "maybe", "x"), True),
        Read(("run", "input", "items"), False),
        Read(("run", "input", "vip"), True),
    )


def test_objects_come_out_in_one_order_and_places_as_they_are() -> None:
    names = [f"k{index}" for index in range(30)]
    made = give("{" + ", ".join(f"'{name}': 1" for name in reversed(names)) + "}")
    assert list(made) == sorted(names)
    assert give("run.input") is ENV["run"]["input"]


def test_threads_may_share_an_expression() -> None:
    shared = compile_expression("run.input.items.map(i, i.price * run.input.total)", SIGHT)
    seen: list[Any] = []

    def work(total: float) -> None:
        env = {"run": {"input": {**ENV["run"]["input"], "total": total}}}
        seen.extend(shared.evaluate(env) == [1.5 * total, 2.0 * total] for _ in range(300))

    threads = [threading.Thread(target=work, args=(float(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 1200
