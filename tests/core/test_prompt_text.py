"""Prompts: what prints how, what may not be written, and that nothing is printed that isn't there."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.cel_places import Read
from orchestration.core.contract import contract
from orchestration.core.definition import parse
from orchestration.core.errors import EvaluationError, Refused
from orchestration.core.plan import compile_plan
from orchestration.core.prompt_text import compile_prompt
from orchestration.core.values import canonical
from tests.core.drawn import CATALOG

TEXT: dict[str, Any] = {"type": "string"}


def obj(required: str = "", **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


SCHEMA = obj("text score lines map", text=TEXT, score={"type": "number"}, note={"type": ["string", "null"]},
             lines={"type": "array", "items": obj("n", n=TEXT, q={"type": "integer"})},
             map=obj("items", items=TEXT, opt=obj("deep", deep=TEXT)))  # fmt: skip
VALUES = {"text": "hi {{ x }}", "score": 3.0, "lines": [{"n": "x", "q": 1}, {"n": "y"}], "map": {"items": "KEY"}}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Ticket: {{ text }}\nScore: {{ score }}\n", "Ticket: hi {{ x }}\nScore: 3"),
        ("{{ map.items }} {{ map['items'] }} {{ map }}", 'KEY KEY {"items":"KEY"}'),
        ("{{ none }} {{ true }} {{ [1, 2.5, 'é'] }}", 'null true [1,2.5,"é"]'),
        ("{{ text ~ score ~ none }}", "hi {{ x }}3null"),
        ("{% for l in lines %}\n{{ loop.index }}. {{ l.n }}{{ '' if loop.last else ';' }}\n{% endfor %}", "1. x;\n2. y\n"),
        ("{% for l in lines %}{% if l.q is defined %}{{ l.q + 1 }}{% else %}?{% endif %}{% endfor %}", "2?"),
        ("{{ lines | join(', ', attribute='n') }} {{ lines | length }} {{ lines[0].n | upper }}", "x, y 2 X"),
        ("{% for k in map | items %}{{ k[0] }}={{ k[1] }}{% endfor %}", "items=KEY"),
        ("{{ note | default('none given') }}", "none given"),
        ("{{ map.opt.deep | default('-') }}", "-"),
        ("{{ note is defined and note is not none and note | length > 1 }}", "false"),
        ("{% if map.opt is undefined %}no{% else %}{{ map.opt.deep }}{% endif %}", "no"),
        ("{{ text[:2] | truncate(1) }} {{ 2.345 | round(1) }} {{ [3, 1, 3] | unique | sort }}", "h… 2.3 [1,3]"),
        ("{% raw %}{{ x }}{% endraw %}{# gone #}", "{{ x }}"),
    ],
)
def test_a_prompt_prints_text_as_it_is_and_the_rest_as_json(source: str, text: str) -> None:
    assert contract(SCHEMA).accepts(VALUES)
    assert compile_prompt(source, SCHEMA).render(VALUES) == text


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("{{ text", "template_syntax", "a {{ or {% is never closed"),
        ("a {{ text b }}", "template_syntax", "the {{ is not closed before `b`. Close it with }}"),
        ("{{ }}", "template_syntax", "{{ }} holds nothing"),
        ("{{ text }", "template_syntax", "this brace closes nothing"),
        ("{{ text | }}", "template_syntax", "a name is missing before }}"),
        ("{{ 'text }}", "template_syntax", "a quote is opened and never closed"),
        ("{# text", "template_syntax", "the {# is never closed"),
        ("{% if %}a{% endif %}", "template_syntax", "this {% %} lacks what it is about"),
        ("{% if text", "template_syntax", "a {{ or {% is never closed"),
        ("{% if text %}a", "template_syntax", "a {% if %} is never closed. Close it with {% endif %}"),
        ("{% if text %}a{% endfor %}", "template_syntax", "{% endfor %} stands where {% endif %} is due"),
        ("a{% endif %}", "template_syntax", "{% endif %} stands here, and no {% if %} is open"),
        ("{% unless text %}", "template_syntax", "there is no {% unless %}; there are if and for"),
        ("\x00", "template_syntax", "NUL"),
        ("{{ txt }}", "unknown_reference", 'the step\'s input has no "txt"; did you mean text?'),
        ("{{ map.itms }}", "unknown_reference", '`map` has no "itms"; did you mean items?'),
        ("{% for l in lines %}{{ l.m }}{% endfor %}", "unknown_reference", '`l` has no "m"'),
        ("{{ text.upper }}", "unknown_reference", "`text`"),
        ("{{ loop.index }}", "unknown_reference", '"loop"'),
        ("{{ note }}", "optional_unguarded", "`note` may be missing"),
        ("{{ map.opt.deep }}", "optional_unguarded", "`map.opt` may be missing"),
        ("{% for l in lines %}{{ l.q }}{% endfor %}", "optional_unguarded", "`l.q` may be missing"),
        ("{% if note is defined or text %}{{ note }}{% endif %}", "optional_unguarded", "`note`"),
        ("{% if note is not defined %}{{ note }}{% endif %}", "optional_unguarded", "`note`"),
        ("{{ text.upper() }}", "template_forbidden", "a call can't be used"),
        ("{{ range(9) }}", "template_forbidden", "a call"),
        ("{{ 'a' * 9 }}", "template_forbidden", "* can't be used"),
        ("{{ '%s' % text }}", "template_forbidden", "% can't be used"),
        ("{% set x = 1 %}", "template_forbidden", "set"),
        ("{% include 'x' %}", "template_forbidden", "include"),
        ("{% macro f() %}{% endmacro %}", "template_forbidden", "a macro"),
        ("{% for a in lines %}{% for b in lines %}{% endfor %}{% endfor %}", "template_forbidden", "no other loop"),
        ("{% for a in lines if a.q %}{% endfor %}", "template_forbidden", "{% for x in list %}"),
        ("{% for a, b in lines %}{% endfor %}", "template_forbidden", "{% for x in list %}"),
        ("{% for loop in lines %}{% endfor %}", "template_forbidden", "`loop` counts the rounds"),
        ("{{ text | upcase }}", "template_forbidden", "there is no filter upcase"),
        ("{{ score is divisibleby(3) }}", "template_forbidden", "there is no test divisibleby"),
        ("{{ 1 if score > 2 }}", "template_forbidden", "needs its `else`"),
        ("x" * 100_001, "template_syntax", "100,000"),
    ],
)
def test_what_a_prompt_may_not_hold_is_refused_in_words(source: str, code: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        compile_prompt(source, SCHEMA, "steps[0].prompt")
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == (code, "steps[0].prompt")
    assert words in problem.message
    assert "token" not in problem.message


PROMPTS = """\
interlock: 1
id: drawn
outcomes: {ok: {kind: success}, broken: {kind: failure}}
on_failure: broken
models: {main: {provider: priced}}
start: a
steps:
  - id: a
    type: llm
    model: main
    max_input_tokens: 9
    prompt: |
      One.

      {{ txt }}
    next: b
  - {id: b, type: llm, model: main, max_input_tokens: 9, prompt: "One.\\n{{ two three }}", next: done}
  - {id: done, type: end, outcome: ok}
"""


def test_its_line_is_that_of_the_document_where_the_text_stands_there_as_it_is() -> None:
    problems = compile_plan(parse(PROMPTS), CATALOG).problems
    assert [(problem.line, problem.path) for problem in problems] == [(15, "steps[0].prompt"), (17, "steps[1].prompt")]
    assert [problem.message.startswith("line 2 of this text: ") for problem in problems] == [False, True]


@pytest.mark.parametrize(
    ("source", "values", "sentence"),
    [
        ("{{ b.c }}", {}, "`b` is not there"),
        ("{{ a.c }}", {"a": {}}, "`c` is not there"),
        ("{{ a.keys }}", {"a": {}}, "`keys` is not there"),
        ("{% if a.b %}x{% endif %}", {"a": {}}, "`b` is not there"),
        ("{% for c in a %}{{ c }}{% endfor %}", {"a": "text"}, "a loop goes over a list, not over text"),
        ("{{ a > 1 }}", {"a": None}, "not supported"),
        ("{% for i in a %}{% endfor %}", {"a": [1] * 10_001}, "longer than 10,000"),
        ("{{ a }}{{ a }}", {"a": "x" * 600_000}, "longer than 1,000,000 characters"),
        ("{{ a | join(b) }}", {"a": [1] * 9_000, "b": "x" * 900}, "more than 1,000,000 characters"),
        ("{% for i in a %}{{ a | join | length }}{% endfor %}", {"a": [1] * 9_000}, "go over too much"),
    ],
)
def test_a_prompt_that_fails_says_why(source: str, values: Any, sentence: str) -> None:
    with pytest.raises(EvaluationError, match="The prompt could not be written") as caught:
        compile_prompt(source, None).render(values)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "around",
    [
        ("{% if a %}", "{% endif %}"),
        ("{% if not a %}{% else %}", "{% endif %}"),
        ("{% for b in [1] %}{% if a %}", "{% endif %}{% endfor %}"),
        *[("{{ " + before, after + " }}") for before, after in [
            ("(a if a else ", ")"), ("(a and ", ")"), ("(a or ", ")"), ("not (", ")"), ("(1 == ", ")"), ("[", "]"), ("(a, ", ")"),
            ("(a ~ ", ")"), ("(", " ~ a)"), ("-(", ")"), ("(", " is none)"), ("(", " | default(a))"), ("(a | default(", "))"),
            ("[a][", "]"), ("a[", ":]"), ("(1 < ", ")"), ("(a in [", "])"),
        ]],
    ],
)  # fmt: skip
def test_what_is_as_deep_as_it_may_be_can_be_compiled(around: tuple[str, str]) -> None:
    """A prompt is compiled when it is first rendered: by then nothing may be left that compiling refuses."""
    opening, closing = (part.removeprefix("{{ ").removesuffix(" }}") for part in around)
    inside = around[0].startswith("{{")

    def nested(levels: int) -> str:
        text = opening * levels + ("1" if inside else "x") + closing * levels
        return f"{{{{ {text} }}}}" if inside else text

    passing = [levels for levels in range(1, 60) if not refusals(nested(levels), None)]
    assert passing, "one level at least may be written"
    assert len(passing) < 59, "there is an end to it"
    assert compile_prompt(nested(passing[-1]), None)._template is not None


def test_reads_are_the_places_of_the_input() -> None:
    source = "{{ text }}{% for l in lines %}{{ l.n }}{% endfor %}{{ lines[0].n }}{{ map.opt.deep | default('') }}"
    assert compile_prompt(source, SCHEMA).reads == (Read(("text",)), Read(("lines",)), Read(("map", "opt", "deep"), True))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda sub: st.lists(sub, max_size=3) | st.dictionaries(st.text("abz_", min_size=1, max_size=5), sub, max_size=3),
    max_leaves=10,
)


@settings(max_examples=100)
@given(json_values)
def test_no_value_is_ever_taken_for_a_template_or_for_python(value: Any) -> None:
    printed = compile_prompt("{{ a }}|{{ b.c }}", None).render({"a": value, "b": {"c": value}})
    expected = value if isinstance(value, str) else canonical(value)
    assert printed == f"{expected}|{expected}"


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(["keys", "items", "get", "pop", "__class__", "text"]), json_values, max_size=4), st.data())
def test_a_key_is_a_key_and_never_a_method(value: dict[str, Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["keys", "items", "get", "pop", "__class__", "__init__", "text"]))
    prompt = compile_prompt(f"{{% if a.{name} is defined %}}yes {{{{ a.{name} | tojson }}}}{{% else %}}no{{% endif %}}", None)
    assert prompt.render({"a": value}) == (f"yes {canonical(value[name])}" if name in value else "no")


GUARDS = [
    "{{{{ {0} }}}}",
    "{{{{ {0} | default('-') }}}}",
    "{{% if {0} is defined %}}{{{{ {0} }}}}{{% endif %}}",
    "{{% if {0} is undefined %}}-{{% else %}}{{{{ {0} }}}}{{% endif %}}",
    "{{% if not ({0} is undefined or {1} is undefined) %}}{{{{ {0} }}}}{{{{ {1} }}}}{{% endif %}}",
    "{{% if {0} is defined or {1} is defined %}}{{{{ {0} }}}}{{% endif %}}",
    "{{% if {1} is defined and {0} is defined %}}{{{{ {1} }}}}{{% elif {1} is defined %}}{{{{ {1} }}}}{{% endif %}}",
    "{{{{ {0} if {0} is defined else {1} }}}}",
    "{{{{ {0} is defined and {0} }}}}{{{{ {1} is undefined or {1} }}}}",
    "{{% for l in lines %}}{{{{ l.q | default({0} | default(1)) }}}}{{{{ l.q if l.q is defined else '' }}}}{{% endfor %}}",
]
OPTIONAL = ["note", "map.opt", "map.opt.deep", "text", "map.items", "lines"]


def refusals(source: str, schema: Any = SCHEMA) -> set[str]:
    try:
        compile_prompt(source, schema)
    except Refused as error:
        return {problem.code for problem in error.problems}
    return set()


@settings(max_examples=100)
@given(
    st.sampled_from(GUARDS),
    st.sampled_from(OPTIONAL),
    st.sampled_from(OPTIONAL),
    st.fixed_dictionaries({}, optional={"note": st.sampled_from([None, "n"])}),
    st.fixed_dictionaries({}, optional={"opt": st.just({"deep": "d"})}),
)
def test_what_was_not_refused_never_prints_what_is_not_there(guard: str, one: str, other: str, more: Any, inner: Any) -> None:
    source = guard.format(one, other)
    values = {**VALUES, **more, "map": {"items": "KEY", **inner}}
    assert contract(SCHEMA).accepts(values)
    codes = refusals(source)
    assert codes <= {"optional_unguarded"}
    if not codes:
        compile_prompt(source, SCHEMA).render(values)
