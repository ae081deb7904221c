"""Contracts: what may be written, what does not fit and how it is said, and what can be reasoned from a schema alone."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.contract import Place, assignable, check_schema, coerce, contract, example, narrow
from orchestration.core.errors import Refused
from orchestration.core.shape import type_of, types_of

TEXT, NUMBER, WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}
TICKET = {
    "type": "object",
    "required": ["label", "confidence"],
    "additionalProperties": False,
    "properties": {
        "label": {"enum": ["refund", "bug", "question"]},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "lines": {
            "type": "array",
            "maxItems": 2,
            "items": {"type": "object", "required": ["price"], "properties": {"price": {"type": ["number", "null"]}}},
        },
        "day": {"type": "string", "format": "date", "maxLength": 12},
    },
}
TREE = {
    "$defs": {"node": {"type": "object", "required": ["n"], "properties": {
        "n": {"type": "number"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}},
    "$ref": "#/$defs/node",
}  # fmt: skip
EITHER = {
    "anyOf": [
        {"type": "object", "required": ["kind", "a"], "properties": {"kind": {"const": "a"}, "a": {"type": "integer"}}},
        {"type": "object", "required": ["kind", "b"], "properties": {"kind": {"const": "b"}, "b": {"type": "string"}}},
        {"type": "null"},
    ]
}
DOUBLING = {
    "$ref": "#/$defs/d0",
    "$defs": {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(30)} | {"d30": {}},
}


@pytest.mark.parametrize(
    ("schema", "code", "path", "words"),
    [
        ([], "bad_schema", "s", "a schema is an object"),
        ({"type": "strng"}, "bad_schema", "s.type", "not a type"),
        ({"requried": ["a"]}, "schema_keyword_unsupported", "s.requried", "did you mean required?"),
        ({"type": "string", "nullable": True}, "schema_keyword_unsupported", "s.nullable", '"null"]'),
        ({"properties": {"a": {"$id": "http://x"}}}, "schema_keyword_unsupported", 's.properties.a["$id"]', "leave it out"),
        ({"properties": {"a": {"pattern": "(?=x)"}}}, "bad_schema", "s.properties.a.pattern", "look-around"),
        ({"pattern": "(a)\\1"}, "bad_schema", "s.pattern", "back-reference"),
        ({"pattern": "a["}, "bad_schema", "s.pattern", "no regular expression: unterminated character set"),
        ({"pattern": "a{1,1000}{1,1000}"}, "bad_schema", "s.pattern", "too large"),
        ({"pattern": "a" * 501}, "bad_schema", "s.pattern", "500"),
        ({"minimum": "x"}, "bad_schema", "s.minimum", "number"),
        ({"enum": []}, "bad_schema", "s.enum", "at least one"),
        ({"properties": {"a": {}}, "required": ["b"]}, "bad_schema", "s.required", '"b" is required but not'),
        ({"$ref": "http://127.0.0.1/x"}, "bad_schema", 's["$ref"]', "refers to nothing"),
        ({"$ref": "#/$defs/x", "$defs": {"y": {}}}, "bad_schema", 's["$ref"]', "#/$defs/y"),
        ({"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}}, "bad_schema", 's["$defs"].a', "without going into"),
        ({"$defs": {"n": {"items": {"allOf": [{"$ref": "#/$defs/n"}] * 2}}}}, "bad_schema", 's["$defs"].n', "doubles"),
        (DOUBLING, "schema_too_large", "s", "20,000"),
        ({"items": json.loads('{"items":' * 70 + "{}" + "}" * 70)}, "schema_too_large", None, "too deep"),
        (json.loads('{"not":' * 500 + "{}" + "}" * 500), "too_deep", "s", "100"),
        ({"description": "x" * 200_001}, "schema_too_large", "s", "200,000"),
    ],
)  # fmt: skip
def test_a_schema_that_could_not_be_enforced_is_refused(schema: Any, code: str, path: str | None, words: str) -> None:
    problems = [problem for problem in check_schema(schema, "s") if problem.severity == "error"]
    assert [(problem.code, path or problem.path) for problem in problems] == [(code, path or problems[0].path)]
    assert words in problems[0].message
    if isinstance(schema, dict) and code != "too_deep":
        with pytest.raises(Refused):
            contract(schema)


def test_recursion_over_different_values_and_marks_of_other_tools_are_fine() -> None:
    both = {"$defs": {"n": {"properties": {"l": {"$ref": "#/$defs/n"}, "r": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"}
    for schema in (both, TREE, TICKET, EITHER, {}, {"$schema": "http://json-schema.org/draft-07/schema#", "x-widget": "area"}):
        assert check_schema(schema) == ()
    (warning,) = check_schema({"type": "string", "format": "int32"})
    assert (warning.code, warning.severity) == ("format_not_checked", "warning")
    assert contract({"type": "string", "format": "int32"}).accepts("x")


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        (TICKET, {"label": "bug", "confidence": 1}, []),
        (TICKET, [], [("wrong_type", "output", "must be an object; it is []")]),
        (TICKET, {"label": "gold", "confidence": True, "lable": 1}, [
            ("not_in_enum", "output.label", 'must be one of refund, bug or question; it is "gold"'),
            ("wrong_type", "output.confidence", "must be a number; it is true"),
            ("unknown_key", "output.lable", "is not allowed here; did you mean label?")]),
        (TICKET, {"label": "bug", "confidence": 1.5, "lines": [{}, {"price": "x"}, {"price": None}], "day": "2026-02-30"}, [
            ("too_large", "output.confidence", "must be at most 1; it is 1.5"),
            ("too_long", "output.lines", "must have at most 2 items; 3 are there"),
            ("missing", "output.lines[0].price", "is missing, and is required"),
            ("wrong_type", "output.lines[1].price", 'must be a number or null; it is "x"'),
            ("format", "output.day", 'must be written as a date; it is "2026-02-30"')]),
        (EITHER, {"kind": "b", "b": 3}, [("wrong_type", "output.b", "must be text; it is 3")]),
        (EITHER, {"kind": "c"}, [("not_in_enum", "output.kind", 'must be one of a or b; it is "c"')]),
        (EITHER, 3, [("wrong_type", "output", "must be an object or null; it is 3")]),
        (EITHER, {}, [("not_one_of", "output", "fits none of the 3 forms that are allowed; it is {}")]),
        ({"anyOf": [{"type": "string", "minLength": 3}, {"type": "null"}]}, "a",
         [("too_short", "output", 'must have at least 3 characters; it is "a"')]),
        (TREE, {"n": 1, "kids": [{"n": 2}, {"n": "x"}]}, [("wrong_type", "output.kids[1].n", 'must be a number; it is "x"')]),
        ({"type": "integer"}, 3.0, []),
        ({"type": "integer"}, 3.5, [("wrong_type", "output", "must be a whole number; it is 3.5")]),
        ({"pattern": "^(a+)+$"}, "a" * 5000 + "b", [("pattern", "output", f'must match the pattern ^(a+)+$; it is "{"a" * 80}…"'
                                                     " (5001 characters)")]),
        ({"pattern": "^T-[0-9]{1,8}$", "examples": ["T-{1}"], "description": "No."}, "T",
         [("pattern", "output", 'must be written as T-{1} (pattern ^T-[0-9]{1,8}$); it is "T"')]),
        ({"$ref": "#/$defs/t", "$defs": {"t": {"pattern": "^T", "description": "The ticket's number."}}}, "x",
         [("pattern", "output", 'must be as described: The ticket\'s number (pattern ^T); it is "x"')]),
        ({"anyOf": [{"type": "string", "pattern": "^T", "examples": ["T"]}, {"type": "null"}]}, "x",
         [("pattern", "output", 'must be written as T (pattern ^T); it is "x"')]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_in_a_sentence_with_its_place(schema: Any, value: Any, expected: Any) -> None:
    found = contract(schema).check(value)
    assert sorted((problem.code, problem.path, problem.message) for problem in found) == sorted(expected)
    assert contract(schema).accepts(value) is (not expected)


@pytest.mark.parametrize("value", [1e300, -1e300, 2.0**63, -(2.0**63) - 2048])
@pytest.mark.parametrize("schema", [
    WHOLE, {"type": ["integer", "null"]}, {"type": "integer", "maximum": 1e308}, {"anyOf": [WHOLE, {"type": "string"}]},
    {"$ref": "#/$defs/n", "$defs": {"n": WHOLE}}, {"allOf": [WHOLE]},
])  # fmt: skip
def test_a_whole_number_fits_in_64_bits_or_is_refused_in_a_sentence(schema: Any, value: float) -> None:
    (problem,) = contract(schema).check(value)
    shown = f"must be a whole number that fits in 64 bits; it is {value}"
    assert (problem.code, problem.message) == ("number_too_large", shown)
    assert coerce({"anyOf": [WHOLE, NUMBER]}, value) is value
    assert coerce(schema, 2.0**63 - 1024) == 2**63 - 1024
    assert coerce(schema, -(2.0**63)) == -(2**63)


def test_problems_are_few_and_short_whatever_the_value() -> None:
    schema = {"type": "array", "items": {"type": "object", "additionalProperties": False}}
    problems = contract(schema).check([{f"k{i}" + "x" * 999: 1} for i in range(3000)])
    assert len(problems) == 20
    assert all(len(problem.path) + len(problem.message) < 300 for problem in problems)


def test_a_contract_is_compiled_once_for_each_content() -> None:
    assert contract({"type": "string", "title": "x"}) is contract({"title": "x", "type": "string"})
    assert contract({"minimum": 1}) is not contract({"minimum": 1.0})


# Does one fit another


def obj(required: str = "", closed: bool = False, **properties: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": required.split()}
    return {**schema, "additionalProperties": False} if closed else schema


@pytest.mark.parametrize(
    ("source", "target", "reasons"),
    [
        (TEXT, {}, []),
        ({}, TEXT, []),
        (WHOLE, NUMBER, []),
        (NUMBER, WHOLE, ["the value may be a number, where a whole number is wanted"]),
        (TEXT, NUMBER, ["the value may be text, where a number is wanted"]),
        ({"type": ["string", "null"]}, TEXT, ["the value may be null, where text is wanted"]),
        (TEXT, {"type": ["string", "null"]}, []),
        ({"enum": ["a", "b"]}, {"enum": ["a", "b", "c"]}, []),
        ({"enum": ["a", "z"]}, {"enum": ["a", "b"]}, ['the value may be "z", where only "a" or "b" is allowed']),
        (TEXT, {"enum": ["a", "b"]}, ['the value may be text of any value, where only "a" or "b" is allowed']),
        ({"enum": ["a", "b"]}, {"anyOf": [{"const": "a"}, {"const": "b"}]}, []),
        ({"type": "boolean"}, {"enum": [True, False]}, []),
        ({"enum": [1]}, {"enum": [True]}, ["the value may be a whole number, where true or false is wanted"]),
        (obj("a", a=TEXT), obj("a", a=TEXT), []),
        (obj("", a=TEXT), obj("a", a=TEXT), ["a may be missing, and is required"]),
        (obj("", b=TEXT), obj("a", a=TEXT), ["a is never there, and is required"]),
        ({"type": "object"}, obj("a", a=TEXT), []),
        ({"type": "object", "additionalProperties": TEXT}, obj("a", a=NUMBER), ["a may be missing, and is required"]),
        (obj("a", a=TEXT, b=TEXT), obj("a", closed=True, a=TEXT), ["b is not among the properties that are allowed"]),
        (obj("a", a=obj("b", b={"type": "array", "items": NUMBER})), obj("a", a=obj("b", b={"type": "array", "items": TEXT})),
         ["a.b[] may be a number, where text is wanted"]),
        (EITHER, {"anyOf": [obj("kind", kind=TEXT), {"type": "null"}]}, []),
        (EITHER, obj("kind", kind=TEXT), ["the value may be null, where an object is wanted"]),
        (TREE, TREE, []),
        ({"allOf": [obj("a", a=TEXT), obj("b", b=TEXT)]}, obj("a b", a=TEXT, b=TEXT), []),
        ({"$defs": {"x": TEXT}, "properties": {"p": {"$ref": "#/$defs/x"}}, "type": "object"},
         {"$defs": {"x": NUMBER}, "properties": {"p": {"$ref": "#/$defs/x"}}, "type": "object"},
         ["p may be text, where a number is wanted"]),
        (obj("a", a={"type": "string", "maxLength": 9}), obj("a", a={"type": "string", "maxLength": 3}), []),
    ],
)  # fmt: skip
def test_an_edge_is_judged_by_the_two_contracts(source: Any, target: Any, reasons: list[str]) -> None:
    assert list(assignable(source, target)) == reasons


def schemas(depth: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    """Schemas of the part of the language that is compared: closed objects, no bounds."""
    leaf = st.sampled_from(
        [
            *(TEXT, NUMBER, WHOLE, {"type": ["string", "null"]}, {"type": "null"}, {"type": "boolean"}),
            *({"enum": ["a", "b"]}, {"enum": ["a", 1, None]}, {"const": "b"}, {"type": "number", "enum": [1, 2.5]}),
        ]
    )
    if depth == 0:
        return leaf
    below = schemas(depth - 1)
    return st.one_of(
        leaf,
        st.builds(lambda items: {"type": "array", "items": items}, below),
        st.builds(
            lambda properties, required: {
                **obj(closed=True, **properties), "required": [name for name in properties if name in required]
            },
            st.dictionaries(st.sampled_from("abc"), below, max_size=3), st.sets(st.sampled_from("abc")),
        ),
        st.builds(lambda one, other: {"anyOf": [one, other]}, below, below),
    )  # fmt: skip


def instances(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "anyOf" in schema:
        return st.one_of(*map(instances, schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    kind = schema["type"]
    if isinstance(kind, list):
        return st.one_of(*(instances({"type": one}) for one in kind))
    if kind == "array":
        return st.lists(instances(schema["items"]), max_size=2)
    if kind == "object":
        needed = {name: instances(schema["properties"][name]) for name in schema["required"]}
        others = {name: instances(one) for name, one in schema["properties"].items() if name not in needed}
        return st.fixed_dictionaries(needed, optional=others)
    return st.sampled_from(
        {"string": ["a", "b", "zz"], "number": [1, 2.0, 2.5], "integer": [1, 2.0, 7], "null": [None], "boolean": [False, True]}[
            kind
        ]
    )


@settings(max_examples=100)
@given(schemas(), schemas(), st.data())
def test_no_value_breaks_an_edge_that_was_called_good(source: Any, target: Any, data: st.DataObject) -> None:
    value = data.draw(instances(source))
    assert contract(source).accepts(value)
    assert assignable(source, source) == ()
    if not assignable(source, target):
        assert contract(target).accepts(value)


@settings(max_examples=100)
@given(schemas(), st.data())
def test_typing_keeps_the_value_and_settles_its_numbers(schema: Any, data: st.DataObject) -> None:
    value = data.draw(instances(schema))
    before = json.dumps(value)
    typed = coerce(schema, value)
    assert typed == value
    assert json.dumps(value) == before
    assert json.dumps(coerce(schema, typed)) == json.dumps(typed)
    assert contract(schema).accepts(typed)
    if schema == {"type": "array", "items": NUMBER}:
        assert all(type(item) is float for item in typed)


@settings(max_examples=100)
@given(schemas(), st.data())
def test_every_place_of_a_value_is_known_to_its_schema(schema: Any, data: st.DataObject) -> None:
    value = data.draw(instances(schema))

    def visit(value: Any, path: list[str | int]) -> None:
        place = narrow(schema, path)
        assert place is not None
        assert contract(place.schema).accepts(value)
        types = types_of(place.schema)
        assert types is None or type_of(value) in types
        for key in value if isinstance(value, dict) else ():
            visit(value[key], [*path, key])
        for name in "abc":
            missing = narrow(schema, [*path, name])
            assert missing is None or missing.optional or name in value
        for index, item in enumerate(value if isinstance(value, list) else ()):
            visit(item, [*path, index])

    visit(value, [])


@settings(max_examples=100)
@given(schemas())
def test_an_example_fits_its_schema(schema: Any) -> None:
    assert contract(schema).accepts(example(schema))


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({}, None),
        (TICKET, {"label": "refund", "confidence": 0.0}),
        (TREE, {"n": 0.0}),
        ({"type": "integer", "exclusiveMinimum": 7, "multipleOf": 5}, 10),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "string", "minLength": 3}, "xxx"),
        ({"type": "string", "examples": ["hello"]}, "hello"),
        ({"type": "string", "default": 3, "examples": ["hello"]}, "hello"),
        (obj("a", a={"type": "string", "format": "date"}, b={"default": 4}, c=TEXT), {"a": "2026-01-31", "b": 4}),
        ({"type": "array", "minItems": 2, "items": {"enum": [None, "x"]}}, ["x", "x"]),
        (EITHER, {"kind": "a", "a": 0}),
    ],
)
def test_an_example_is_small_and_the_same_each_time(schema: Any, value: Any) -> None:
    assert json.dumps(example(schema)) == json.dumps(value)
    assert contract(schema).accepts(value)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (["label"], Place({"enum": ["refund", "bug", "question"]})),
        (["lable"], None),
        (["lines", 3, "price"], Place({"type": ["number", "null"]}, optional=True)),
        (["lines", "price"], None),
        (["label", "x"], None),
        (["any", "thing"], Place({})),
        (["map", "key"], Place(TEXT, optional=True)),
        (["maybe", "x"], Place(TEXT, optional=True)),
        (["tree", "kids", 0, "n"], Place(NUMBER, optional=True)),
    ],
)
def test_a_place_is_read_from_the_schema(path: list[str | int], place: Place | None) -> None:
    sight = obj(
        "label any map maybe tree",
        **TICKET["properties"],  # type: ignore[arg-type]
        any={},
        map={"type": "object", "additionalProperties": TEXT},
        maybe={"anyOf": [obj("x", x=TEXT), {"type": "null"}]},
        tree=TREE,
    )
    found = narrow(sight, path)
    assert found == place or (found and place and {**found.schema, "$defs": 0} == {**place.schema, "$defs": 0})


def test_numbers_are_typed_where_their_contract_says_so() -> None:
    rows = {"type": "array", "items": {"$ref": "#/$defs/node"}}
    schema = obj(n=NUMBER, i=WHOLE, any={}, rows=rows, either={"anyOf": [WHOLE, {"type": "null"}]})
    schema["$defs"] = TREE["$defs"]
    value = {"n": 3, "i": 4.0, "any": [3, 4.0], "rows": [{"n": 1, "kids": [{"n": 2}]}], "either": 5.0}
    typed = '{"n": 3.0, "i": 4, "any": [3, 4.0], "rows": [{"n": 1.0, "kids": [{"n": 2.0}]}], "either": 5}'
    assert json.dumps(coerce(schema, value)) == typed
    assert coerce(schema, {"any": value})["any"] is value
