"""Published versions that no longer hold in today's world: what they name is gone, or has become another thing."""

from django.db.models import Max

from orchestration.core.errors import Problem
from orchestration.core.frozen import dataclass
from orchestration.models import Version
from orchestration.queries.catalog import World, current
from orchestration.queries.plans import Kept, plan_of


@dataclass(frozen=True, slots=True)
class Broken:
    """A version with what is wrong with it by now. Runs of it stop at the places that are named."""

    workflow: str
    version: int
    problems: tuple[Problem, ...]

    @property
    def sentence(self) -> str:
        """One line, for a console."""
        said = "; ".join(
            f"{problem.step}: {problem.message}" if problem.step else problem.message for problem in self.problems[:3]
        )
        more = f" And {len(self.problems) - 3} more." if len(self.problems) > 3 else ""
        return f"Version {self.version} of {self.workflow} no longer holds: what it names is gone or has changed. {said}{more}"


_kept = Kept[tuple[Broken, ...]](4)


def broken() -> tuple[Broken, ...]:
    """Of the latest versions of all workflows but the retired ones. Two short queries, as long as neither a version nor the world
    is new; then each version whose plan is not kept is compiled once. Raises `Refused` as `current` does."""
    latest = tuple(_latest())
    world = current()
    return _kept.get((latest, world.digest), lambda: tuple(found for row in latest if (found := _looked_at(row, world))))


Row = tuple[int, str, int, str]


def _latest() -> list[Row]:
    """(key, workflow, number, hash) of each."""
    newest = Version.objects.filter(workflow__retired=None).order_by().values("workflow").annotate(last=Max("pk")).values("last")
    return list(Version.objects.filter(pk__in=newest).order_by("workflow").values_list("pk", "workflow_id", "number", "hash"))


def _looked_at(row: Row, world: World) -> Broken | None:
    key, workflow, number, digest = row
    problems = since(plan_of(key, world, digest).problems)
    return Broken(workflow, number, problems) if problems else None


def since(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Those of a published version's plan that have come since: none was an error when it was published."""
    return tuple(problem for problem in problems if problem.severity == "error")
