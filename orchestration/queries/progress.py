"""A loop's progress, round by round: a record holds the last few numbers alone; those of all rounds stand in all records."""

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from orchestration.models import StepRecord
from orchestration.record.pack import fetch, missing, unpack

MOST = 2000
"""Records that are read for it; of a longer loop the last rounds are told."""
Rounds = tuple[tuple[int, float], ...]
"""(round, number), in order."""


def progress(run: str, decision: Mapping[str, Any], seq: int) -> Rounds:
    """Of the loop whose series the decision of record `seq` holds, as of then; () where it holds none. Two queries at most."""
    return of_each(run, {seq: decision}).get(seq, ())


def of_each(run: str, decisions: Mapping[int, Mapping[str, Any]]) -> dict[int, Rounds]:
    """The same for several records, by seq. Two queries at most."""
    wanted = {seq: loop_of(decision["round"]) for seq, decision in decisions.items() if decision.get("series")}
    if not wanted:
        return {}
    within = reduce(or_, (Q(path__startswith=f"{loop}[") for loop in set(wanted.values())))
    ended = Q(decision__contains='"round":') | Q(decision__startswith="@")
    rows = (
        StepRecord.objects.filter(within, ended, run_id=run, seq__lte=max(wanted)).order_by("-seq").values_list("seq", "decision")
    )
    found = _ends(rows[:MOST])
    return {seq: _rounds(loop, [end for end in found if end[0] <= seq], decisions[seq]) for seq, loop in wanted.items()}


def loop_of(ended: str) -> str:
    """`outer[2]/refine[3]` → `outer[2]/refine`"""
    return ended.rpartition("[")[0]


def _ends(rows: Iterable[tuple[int, str]]) -> list[tuple[int, str, float]]:
    """(seq, the round that ended, its number) of the records that ended a round, the first first."""
    kept = list(rows)
    blobs = fetch(missing(packed for _, packed in kept))
    decisions = [(seq, unpack(packed, blobs)) for seq, packed in reversed(kept)]
    return [(seq, found["round"], found["series"][-1]) for seq, found in decisions if found.get("series")]


def _rounds(loop: str, ends: Iterable[tuple[int, str, float]], decision: Mapping[str, Any]) -> Rounds:
    """What the records before tell, and the decision itself of its last rounds."""
    told = {_number(ended): value for _, ended, value in ends if loop_of(ended) == loop}
    last = _number(decision["round"])
    told |= {last - back: value for back, value in enumerate(reversed(decision["series"]))}
    return tuple(sorted(told.items()))


def _number(ended: str) -> int:
    return int(ended.rpartition("[")[2].rstrip("]"))
