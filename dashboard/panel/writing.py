"""What the editor of a step's texts is told: the places that each may read, the functions of expressions, the parts of prompts.

All of it is for suggestions and colours. Whether a text is right, the proof says.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from dashboard.panel.around import Around
from dashboard.panel.prompting import Prompting
from dashboard.panel.seen import SeenPlace
from dashboard.schema_words import KINDS, kind
from orchestration.core.cel_types import FUNCTIONS, METHODS, Signature
from orchestration.core.plan import PlanStep
from orchestration.core.prompt_check import FILTERS, INPUT, LOOP, TESTS, lacks
from orchestration.core.wording import abbreviate, listed, with_stop

Json = dict[str, Any]

MACROS = {
    "has": "(place) → yes or no",
    "math.abs": "(number) → number",
    "math.greatest": "(number, number …) → number",
    "math.least": "(number, number …) → number",
    "math.sign": "(number) → number",
}
"""Functions without a signature of their own: they take as many as one likes, or give what they take."""
MACROS_OF_LISTS = {
    "all": "(each, condition) → yes or no",
    "exists": "(each, condition) → yes or no",
    "exists_one": "(each, condition) → yes or no",
    "filter": "(each, condition) → list",
    "map": "(each, value) → list",
}
_MOST_SEEN, _DEEPEST, _GLANCE = 80, 3, 120
_GOES_THROUGH = (KINDS["array"], KINDS["object"])


def writing(around: Around, step: PlanStep | None, prompting: Prompting | None) -> Json:
    """`places` by the ids of their lists; `names` are all that a prompt may begin with, `variables` what is known of them and
    below; `lacks` is the sentence about any other, with {name} in it."""
    told: Json = {
        "places": {name: [_place(place) for place in places] for name, places in around.lists.items()},
        "functions": functions(),
        "methods": methods(),
    }
    if step is not None and prompting is not None:
        variables = [{"path": each.path, "words": each.words, "note": each.note} for each in prompting.variables]
        told["prompt"] = {
            "names": list(step.model.input),
            "variables": variables,
            "filters": FILTERS,
            "tests": TESTS,
            "loop": LOOP,
            "lacks": _sentence(lacks(INPUT, "{name}")),
        }
    return told


def _place(place: SeenPlace) -> Json:
    return {"path": place.path, "type": place.type, "words": place.words, "values": place.options}


def seen(given: Any) -> dict[str, str]:
    """What a prompt reads of an input that a run had: place → the value, cut to what one takes in at a glance. 80 at most."""
    return dict(islice(_seen(given, "", 0), _MOST_SEEN)) if isinstance(given, dict) else {}


def _seen(given: dict[str, Any], above: str, depth: int) -> Iterator[tuple[str, str]]:
    for name, value in given.items():
        yield above + name, abbreviate(value, _GLANCE)
        if isinstance(value, dict) and depth < _DEEPEST:
            yield from _seen(value, f"{above}{name}.", depth + 1)


def functions() -> list[Json]:
    """Each with its signature in words, as `(text) → number`."""
    told = {name: f"({_taken(each.takes, each.spare)}) → {_given(each)}" for name, each in FUNCTIONS.items()}
    return [{"name": name, "signature": words} for name, words in sorted({**told, **MACROS}.items())]


def methods() -> list[Json]:
    """The same of what is called on a value. `of`: the types that it may be called on, in the words of `SeenPlace.type`."""
    told = {
        name: ([_kind(one) for one in each.takes[0].split()], f"({_taken(each.takes[1:], each.spare)}) → {_given(each)}")
        for name, each in METHODS.items()
    }
    through = {name: (list(_GOES_THROUGH), words) for name, words in MACROS_OF_LISTS.items()}
    return [{"name": name, "of": of, "signature": words} for name, (of, words) in sorted({**told, **through}.items())]


def _taken(takes: tuple[str, ...], spare: int) -> str:
    shown = [listed([_kind(one) for one in types.split()]) for types in takes]
    sure = len(shown) - spare
    return ", ".join([*shown[:sure], *(f"{each}?" for each in shown[sure:])])


def _given(signature: Signature) -> str:
    return signature.foreign or kind(signature.gives or {})


def _kind(name: str) -> str:
    return KINDS.get(name, "anything")


def _sentence(words: str) -> str:
    return with_stop(words[:1].upper() + words[1:])
