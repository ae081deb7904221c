"""What is frozen for the type checker behaves as what Python freezes: equal and hashed by its fields, copied with changes."""

import dataclasses

import pytest

from orchestration.core.frozen import dataclass, replace


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 0


@dataclass(frozen=True)
class Name:
    text: str


@dataclass(frozen=True, eq=False, slots=True)
class Itself:
    """Equal to no other: nobody walks through what hangs on it."""

    inner: object


def test_it_is_equal_and_hashed_by_its_fields() -> None:
    assert Point(1) == Point(1, 0)
    assert Point(1) != Point(2)
    assert len({Point(1), Point(1, 0), Point(2)}) == 2
    assert {Name("a"): 1}[Name("a")] == 1
    assert len({Itself([]), Itself([])}) == 2


def test_a_copy_has_the_changes_and_the_original_does_not() -> None:
    point, name = Point(1, 2), Name("a")
    assert (replace(point, y=3), point) == (Point(1, 3), Point(1, 2))
    assert (replace(name, text="b"), name) == (Name("b"), Name("a"))
    assert replace(point, y=3) == dataclasses.replace(point, y=3)
    with pytest.raises(AttributeError):
        replace(point, z=3)  # type: ignore[call-arg]
