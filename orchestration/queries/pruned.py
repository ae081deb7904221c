"""What is said of a run that there is not: that there never was one, or that it was pruned, by its tombstone (`acts/prune`)."""

from collections.abc import Iterable
from datetime import datetime

from orchestration.core.errors import NotFound
from orchestration.core.wording import counted
from orchestration.models import Act
from orchestration.record.pack import unpack_all


class Pruned(NotFound):
    """There was such a run."""

    code = "pruned"


def pruned(ids: Iterable[str]) -> set[str]:
    """Those of them that there were."""
    subjects = Act.objects.filter(subject__in=[f"run:{run}" for run in ids], verb="prune").values_list("subject", flat=True)
    return {subject.removeprefix("run:") for subject in subjects}


def no_run(id: str) -> NotFound:
    """Why there is no run of this id, to be raised. Two queries at most."""
    found = Act.objects.filter(subject=f"run:{id[:60]}", verb="prune").values_list("at", "by", "detail").first()
    if found is None:
        return NotFound(f"There is no run {id[:60]}.")
    at, by, detail = found[0], found[1], unpack_all([found[2]])[0]
    ended = datetime.fromisoformat(detail["ended"])
    how = f"{detail['status']} ({detail['outcome']})" if detail["outcome"] else detail["status"]
    return Pruned(
        f"This run of {detail['workflow']} was pruned on {at:%d %B %Y} by {by}. It had ended on {ended:%d %B %Y} as {how}, with "
        f"{counted(detail['records'], 'step record')}; of what it stored nothing is left."
    )
