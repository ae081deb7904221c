"""The tree of an expression is written as text that means the same."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core import cel_engine, cel_tree
from orchestration.core.cel_engine import Rejected, read

literals = st.one_of(
    st.just(cel_tree.Literal(None, "null")),
    st.booleans().map(lambda value: cel_tree.Literal(value, "bool")),
    st.integers(-(2**63), 2**63 - 1).map(lambda value: cel_tree.Literal(value, "int")),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: cel_tree.Literal(value, "double")),
    st.text(max_size=6).map(lambda value: cel_tree.Literal(value, "string")),
    st.binary(max_size=3).map(lambda value: cel_tree.Literal(value, "bytes")),
)
names = st.sampled_from("abc").map(cel_tree.Name)


def bigger(tree: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    binary = st.sampled_from(sorted(cel_tree._BINARY))
    return st.one_of(
        st.builds(lambda function, one, other: cel_tree.Call(function, (one, other)), binary, tree, tree),
        tree.map(lambda one: one if is_call(one, "!_") else cel_tree.Call("!_", (one,))),  # the parser drops pairs of !
        st.builds(lambda one: cel_tree.Call("-_", (one,)), names),
        st.builds(lambda one, two, three: cel_tree.Call("_?_:_", (one, two, three)), tree, tree, tree),
        st.builds(lambda one, two: cel_tree.Call("_[_]", (one, two)), tree, tree),
        st.builds(cel_tree.Field, tree, st.sampled_from(["x", "y_1", "a-b"])),
        st.builds(lambda one, name: cel_tree.Field(one, name, True), tree, st.just("x")),
        st.builds(lambda items: cel_tree.Items(tuple(items)), st.lists(tree, max_size=2)),
        st.builds(lambda key, value: cel_tree.Entries(((key, value),)), tree, tree),
        st.builds(lambda one, two: cel_tree.Call("f", (two,), one), tree, tree),
        st.builds(lambda kind, over, body: cel_tree.Macro(kind, over, "i", body),
                  st.sampled_from(["all", "exists", "exists_one", "filter", "map"]), tree, tree),
    )  # fmt: skip


def is_call(tree: Any, function: str) -> bool:
    return isinstance(tree, cel_tree.Call) and tree.function == function


def flat(tree: Any) -> Any:
    """Chains of && and || as lists, since the parser balances them as it likes."""
    if isinstance(tree, cel_tree.Call) and tree.function in ("_&&_", "_||_"):
        parts: list[Any] = []
        for arg in tree.args:
            inner = flat(arg)
            parts += inner[1:] if isinstance(inner, list) and inner[0] == tree.function else [inner]
        return [tree.function, *parts]
    return (type(tree).__name__, str(tree).split("(")[0], *map(flat, cel_tree.children(tree)))


@settings(max_examples=100)
@given(st.recursive(literals | names, bigger, max_leaves=8))
def test_a_tree_is_written_as_text_that_means_the_same(tree: Any) -> None:
    again = read(cel_tree.write(tree))
    assert flat(again) == flat(tree)
    assert cel_tree.write(again) == cel_tree.write(tree)


words = st.sampled_from(["a", "b_1", "_", "Ab", "as", "in", "null", "true", "if", "var", "é", "9", "", " a", "has", "size"])


@settings(max_examples=150)
@given(st.lists(words, min_size=1, max_size=12))
def test_a_place_is_read_as_the_engines_own_parser_reads_it(names: list[str]) -> None:
    def outcome() -> Any:
        try:
            return read(".".join(names))
        except Rejected as error:
            return error.code

    quick = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cel_engine, "_PLACE", re.compile("(?!)"))
        assert outcome() == quick
