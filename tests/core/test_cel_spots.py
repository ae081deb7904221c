"""Fields of a place are found in the text of an expression by the engine's own parse, and called something else there."""

import re
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchestration.core import cel_tree
from orchestration.core.cel_engine import Rejected, read
from orchestration.core.cel_spots import Unclear, renamed, spots
from orchestration.core.cel_tree import Call, Entries, Field, Items, Literal, Macro, Name, Tree

STEPS = ("steps",)
NAMES = {"a": "somewhat_longer", "b": "c", "c": "b"}


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("steps.a", "steps.somewhat_longer"),
        ("run.steps.a", "run.steps.a"),
        ("'steps.a' == steps . a", "'steps.a' == steps . somewhat_longer"),
        ('"é😀" + steps["a"].b', '"é😀" + steps["somewhat_longer"].b'),
        (r"steps['\x61'] + steps[r'a']", "steps['somewhat_longer'] + steps[r'somewhat_longer']"),
        ("steps // steps.a )\n .`a`", "steps // steps.a )\n .`somewhat_longer`"),
        ("has((steps).a.q) && has(steps.b)", "has((steps).somewhat_longer.q) && has(steps.c)"),
        ("steps.a.map(steps, steps.a)", "steps.somewhat_longer.map(steps, steps.a)"),
        ("x.exists(i, i == steps.b && steps.c)", "x.exists(i, i == steps.c && steps.b)"),
        ("{steps.a: [steps.b], 'a': 1}", "{steps.somewhat_longer: [steps.c], 'a': 1}"),
        ("math.greatest(steps.a, -steps.b)", "math.greatest(steps.somewhat_longer, -steps.c)"),
    ],
)
def test_a_field_is_renamed_and_what_only_looks_like_it_stays(text: str, after: str) -> None:
    found = spots(text, STEPS)
    assert renamed(text, found, NAMES) == after
    assert not found.open


@pytest.mark.parametrize("text", ["steps", "size(steps)", "steps[run.input.x].a", "steps.a(1)", "steps['a' + 'b']"])
def test_it_is_said_where_the_place_is_read_as_a_whole(text: str) -> None:
    assert spots(text, STEPS).open


def test_a_place_may_be_several_names_long() -> None:
    text = "steps.p.a.x + steps['p'].a + (steps.p)['a'] + steps.q.a + steps.p.p"
    found = spots(text, ("steps", "p"))
    assert renamed(text, found, {"a": "z"}) == "steps.p.z.x + steps['p'].z + (steps.p)['z'] + steps.q.a + steps.p.p"
    assert not found.open
    assert [spots(text, ("steps", "p")).open for text in ("steps.p", "steps.p[0]", "size(steps)", "steps.q")] == [
        True, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("a.b + 'a' + (a)['b'] + run.a", "run.b + 'a' + (run)['b'] + run.a"),
        ("a", "run"),
        ("[a, 1].map(i, i == a).exists(a, a.b) && has(a.x)", "[run, 1].map(i, i == run).exists(a, a.b) && has(run.x)"),
        ("b.all(i, j, i == a)", "b.all(i, j, i == run)"),
        ("a(1) + -a", "a(1) + -run"),
    ],
)
def test_what_a_place_begins_with_is_renamed_where_it_is_no_variable_of_a_macro(text: str, after: str) -> None:
    assert renamed(text, spots(text, ()), {"a": "run"}) == after


@pytest.mark.parametrize("text", ["steps.a +", "", "'", "steps.'a'"])
def test_what_can_not_be_parsed_is_unclear(text: str) -> None:
    with pytest.raises(Unclear):
        spots(text, STEPS)


# Any expression


FIELDS = st.sampled_from("abc")
ROOTS = st.sampled_from(["steps", "run"]).map(Name)
PLACES = st.one_of(
    st.builds(Field, ROOTS, FIELDS),
    st.builds(lambda root, name: Call("_[_]", (root, Literal(name, "string"))), ROOTS, FIELDS),
)
ATOMS = ROOTS | PLACES | FIELDS.map(lambda name: Literal(f"steps.{name}", "string")) | FIELDS.map(Name)


def bigger(tree: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    kinds = st.sampled_from(["all", "exists", "exists_one", "filter", "map"])
    return st.one_of(
        st.builds(Field, tree, FIELDS),
        st.builds(lambda one, name: Field(one, name, True), tree, FIELDS),
        st.builds(lambda one, two: Call("_[_]", (one, two)), tree, tree),
        st.builds(lambda sign, one, two: Call(sign, (one, two)), st.sampled_from(["_&&_", "_==_", "_+_"]), tree, tree),
        st.builds(lambda one, two, three: Call("_?_:_", (one, two, three)), tree, tree, tree),
        st.builds(lambda one, two: Call("contains", (two,), one), tree, tree),
        st.lists(tree, max_size=2).map(lambda items: Items(tuple(items))),
        st.builds(lambda key, value: Entries(((key, value),)), tree, tree),
        st.builds(Macro, kinds, tree, st.sampled_from(["steps", "i"]), tree),
    )


TOKENS = re.compile(r"""`[^`]*`|[rb]*'(?:\\.|[^'\\])*'|[rb]*"(?:\\.|[^"\\])*"|[A-Za-z_]\w*|[0-9][0-9.]*|\s+|&&|==|.""", re.DOTALL)
FILLERS = ["", "", "", " ", "\n", "\t ", " // steps.a 'b\n"]


@st.composite
def texts(draw: Any) -> str:
    """An expression with spaces and comments where they may stand, its texts quoted in any way."""
    chance, pieces = Random(draw(st.integers(0, 2**16))), []
    for token in TOKENS.findall(cel_tree.write(draw(st.recursive(ATOMS, bigger, max_leaves=6)))):
        if re.fullmatch(r"'\w'", token):
            name = token[1:-1]
            forms = [token, f'"{name}"', f"r'{name}'", f"'''{name}'''", f'"""{name}"""', f'"\\x{ord(name):02x}"', f"('{name}')"]
            pieces.append(chance.choice(forms))
        else:
            pieces.append(" " + chance.choice(FILLERS) if token.isspace() else token)
        pieces.append(chance.choice(FILLERS))
    return "".join(pieces)


def renamed_tree(tree: Tree, root: tuple[str, ...], bound: frozenset[str] = frozenset()) -> Tree:
    """What a renamed text has to parse to, written without a look at any text."""

    def inside(part: Tree, bound: frozenset[str] = bound) -> Tree:
        return renamed_tree(part, root, bound)

    match tree:
        case Name(name) if not root and name not in bound:
            return Name(NAMES.get(name, name))
        case Field(Name("steps"), name, test) if root and "steps" not in bound:
            return Field(Name("steps"), NAMES.get(name, name), test)
        case Call("_[_]", (Name("steps"), Literal(name, "string"))) if root and "steps" not in bound:
            return Call("_[_]", (Name("steps"), Literal(NAMES.get(name, name), "string")))
        case Field(operand, name, test):
            return Field(inside(operand), name, test)
        case Call(function, args, target):
            return Call(function, tuple(map(inside, args)), None if target is None else inside(target))
        case Items(items):
            return Items(tuple(map(inside, items)))
        case Entries(entries):
            return Entries(tuple((inside(key), inside(value)) for key, value in entries))
        case Macro(kind, over, variable, body, where):
            hidden = bound | {variable}
            return Macro(kind, inside(over), variable, inside(body, hidden), None if where is None else inside(where, hidden))
    return tree


@settings(max_examples=80)
@given(texts(), st.sampled_from([STEPS, ()]))
def test_a_renamed_text_parses_to_the_renamed_tree(text: str, root: tuple[str, ...]) -> None:
    try:
        tree = read(text)
    except Rejected:
        assume(False)
    assert read(renamed(text, spots(text, root), NAMES)) == renamed_tree(tree, root)
