"""Where a child run belongs, as its page says it: which item or arm of which run, the way up, and those beside it."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.urls import reverse

from dashboard import run_view
from dashboard.lanes_view import about
from dashboard.step_titles import titles_of
from orchestration.queries import children
from orchestration.queries.children import Above, Siblings
from orchestration.queries.runs import RunDetail

Named = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kin:
    """`scope` as `each[2]`, `words` as `item 3 of Each`; of a called workflow "" and `called by Ask`. `trail`: (words, address)
    of the runs that it is a part of, the outermost first. `by` began the outermost. `about`: the item in a few words."""

    scope: str
    words: str
    noun: str
    trail: tuple[tuple[str, str], ...]
    beside: Siblings
    by: str
    about: str
    depths: tuple[int, ...]
    """How many containers deep each of the runs that it is inside of stands: what is further in, it has not written."""

    @property
    def name(self) -> str:
        """As a title; "" of a called workflow, which has its own."""
        return _capital(self.words) if self.scope else ""

    def above(self, path: str) -> str:
        """The address of the run around this one that wrote at a path, or had the input (`run`); "" where it is this one's."""
        if path != "run" and path.startswith(f"{self.scope}/"):
            return ""
        depth, inside_of = path.count("/"), self.trail[len(self.trail) - len(self.depths) :]
        return next((run[1] for run, deep in zip(inside_of, self.depths, strict=True) if depth <= deep), "")


def kin(run: RunDetail) -> Kin | None:
    """None of a run that is no child. One query for each run above it, and three more at most."""
    if run.parent is None or run.index is None:
        return None
    above = children.above(run.parent)
    titles = titles_of({(each.workflow, each.version) for each in above})
    parent, nested = above[-1], zip(above, (None, *above), strict=False)
    scope, words = part(run.parent_path, run.index, titles[parent.workflow, parent.version])
    return Kin(
        scope=scope if run.around else "",
        words=words,
        noun="workflow" if not run.around else "item" if scope.endswith("]") else "arm",
        trail=tuple((_called(each, around, titles), reverse("run", args=[each.id])) for each, around in nested),
        beside=children.siblings(run.parent, run.parent_path, run.parent_visit, run.index),
        by=above[0].created_by,
        about=about(run.input.get("item")) if run.around else "",
        depths=tuple(each.depth for each in run.around),
    )


def part(path: str, index: int, named: Named) -> tuple[str, str]:
    """(scope, words) of child `index` of the step at `path`: `each[2]` and `item 3 of Each`, `legal` and `arm Legal`; of a called
    workflow the path and `called by Ask`."""
    step = path.rpartition("/")[2]
    if run_view.type_of(step, named) == "workflow":
        return path, f"called by {named[step]}"
    scope = run_view.scope_of(path, index, named)
    return scope, in_words(scope.rpartition("/")[2], named)


def in_words(scope: str, named: Named) -> str:
    """`each[2]` → `item 3 of Each`, `legal` → `arm Legal`."""
    return run_view.spoken(f"{scope}/", named)[1]


def _called(above: Above, around: Above | None, titles: Mapping[tuple[str, int], Named]) -> str:
    if around is not None and (above.workflow, above.version) == (around.workflow, around.version):
        return _capital(part(above.parent_path, above.index, titles[around.workflow, around.version])[1])
    return above.key or (f"…{above.id[-6:]}" if around is None else above.label)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
