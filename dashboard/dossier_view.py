"""The dossier of a pause in words: why it stopped, what was tried, and what each action leads to. Values in, words out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from dashboard import conversation
from dashboard.outline import ending
from dashboard.presentation import Tone, money, span
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.proof import Bound, ahead
from orchestration.core.proof.worst_case import WorstCases
from orchestration.core.routes import BREAK, CONTINUE
from orchestration.core.wording import abbreviate, listed
from orchestration.queries.dossier import root_of
from orchestration.queries.escalations import EscalationDetail
from orchestration.queries.records import CallView

KINDS = {
    "human": ("Asked by the workflow", "person"),
    "unknown": ("Effect unknown", "quarantined"),
    "limit": ("A limit is reached", "warning"),
    "quarantine": ("Quarantined", "quarantined"),
}
CODES = {
    "timeout": "no answer in time",
    "unavailable": "not reachable",
    "rate_limited": "too many requests",
    "auth": "access denied",
    "not_found": "not found",
    "refused": "refused",
    "invalid_output": "broke its contract",
    "too_large": "too large",
    "expression": "an expression failed",
    "limit": "limit reached",
    "tool_error": "the tool failed",
    "unknown": "effect unknown",
}
PRIORITIES = {-1: "Low", 1: "High", 2: "Urgent"}
_EFFECTS = {
    "irreversible": "can't be undone",
    "idempotent": "changes something outside",
    "reconcilable": "changes something outside",
}


@dataclass(frozen=True, slots=True)
class Try:
    """One call: `what` it was (attempt, repair …) and of whom, how it ended, and what its answer was as it came."""

    n: int
    what: str
    target: str
    tone: Tone
    icon: str
    ended: str
    why: str
    problems: tuple[dict[str, Any], ...]
    took: str
    cost: str
    tokens: str
    answer: str


@dataclass(frozen=True, slots=True)
class ActionView:
    """An action with what pressing it does: `to` is a step's title, `consequence` the rest of the sentence."""

    id: str
    label: str
    takes_form: bool
    key: str
    to: str
    consequence: str
    grave: bool
    ends: bool

    @property
    def twice(self) -> bool:
        """Whether its key asks for a second press: one slip must not do what can't be undone."""
        return self.grave or "can't be undone" in self.consequence


@dataclass(frozen=True, slots=True)
class Reason:
    """Why it stopped: `code` in words where something failed, the sentence of the rule that brought it here, the error's own
    sentence, and where it says so, which parts of an answer were wrong."""

    kind: str
    icon: str
    code: str
    because: str
    message: str
    problems: tuple[dict[str, Any], ...]
    request: dict[str, Any] | None
    given: Any


def reason(found: EscalationDetail) -> Reason:
    told = found.reason or {}
    error = told.get("error") or {}
    kind, icon = KINDS.get(found.kind, (found.kind, "info"))
    code = CODES.get(error.get("code", ""), error.get("code", ""))
    if error.get("message") and error["message"] in (told.get("because") or "") and not error.get("problems"):
        code = ""  # the sentence above says it all
    return Reason(
        kind, icon, code, told.get("because") or "", error.get("message") or "", tuple(error.get("problems") or ()),
        told.get("request"), told.get("input"),
    )  # fmt: skip


def tries(calls: Sequence[CallView]) -> tuple[Try, ...]:
    return tuple(_try(number, call) for number, call in enumerate(calls, 1))


def last_asked(calls: Sequence[CallView]) -> conversation.Shown | None:
    """The last call to a model, with its messages as they were sent; None where none was asked."""
    found = next((call for call in reversed(calls) if call.is_model), None)
    return conversation.shown(found) if found else None


def _try(number: int, call: CallView) -> Try:
    error = call.error or {}
    response = call.response or {}
    took = span((call.finished - call.sent).total_seconds()) if call.finished else ""
    tokens = f"{call.tokens_in:,} in, {call.tokens_out:,} out" if call.tokens_in or call.tokens_out else ""
    answer = response.get("text") or response.get("raw") or ""
    tone, icon, ended = _ending(call, error)
    what = call.kind.capitalize()
    of = conversation.shown(call).model or call.target
    return Try(
        number, what, of, tone, icon, ended, error.get("message") or "", tuple(error.get("problems") or ()), took,
        money(call.cost) if call.cost else "", tokens, answer if isinstance(answer, str) else abbreviate(answer, 4000),
    )  # fmt: skip


def _ending(call: CallView, error: dict[str, Any]) -> tuple[Tone, str, str]:
    if error:
        code = str(error.get("code", ""))
        return ("odd", "quarantined", CODES[code]) if code == "unknown" else ("bad", "failed", CODES.get(code, code))
    if call.finished is None:
        return "odd", "quarantined", "no answer is recorded"
    return "good", "succeeded", "answered"


def actions(found: EscalationDetail, plan: Plan | None) -> tuple[ActionView, ...]:
    """Each with the most that may come of it, until the run ends or asks again."""
    leads = _Leads(found, plan) if plan else None
    return tuple(_action(number, action, found, leads) for number, action in enumerate(found.actions, 1))


def _action(number: int, action: dict[str, Any], found: EscalationDetail, leads: "_Leads | None") -> ActionView:
    takes_form = action.get("form") == "required"
    target = action.get("to") or ""
    if leads is None:
        to, consequence, grave, ends = target or found.step, "", False, False
    else:
        to, consequence, grave, ends = leads.to(target) if target else leads.by(action["id"])
    key = str(number) if number < 10 else ""
    return ActionView(action["id"], action.get("label") or action["id"], takes_form, key, to, consequence, grave, ends)


Lead = tuple[str, str, bool, bool]
"""(a step's title, the rest of the sentence, whether it can't be undone, whether the run ends)"""


class _Leads:
    """Where the actions of a question lead. `rounds` are those that the loops around it are in."""

    def __init__(self, found: EscalationDetail, plan: Plan) -> None:
        self.plan = plan
        path = root_of(found.path)
        self.step = plan.steps.get(path.rpartition("/")[2])
        self.label = self.step.label if self.step else found.step
        chain = plan.chain(self.step.level)[:-1] if self.step else ()
        within = next((plan.steps[name] for name in chain if plan.steps[name].type in ("map", "arm")), None)
        self.child = "" if within is None else within.label if within.type == "arm" else f"This item of {within.label}"
        """What an item or an arm is called, in whose run it was asked."""
        self.rounds = tuple(map(int, re.findall(r"\[(\d+)\]", path)))

    @cached_property
    def ahead(self) -> WorstCases:
        return ahead(self.plan)

    def ending(self, outcome: str) -> str:
        return ending(self.plan, outcome).name

    def to(self, target: str) -> Lead:
        """An action of the workflow's own."""
        if target in (BREAK, CONTINUE) and self.step and self.step.level:
            around = self.plan.steps[self.step.level]
            ends = {"map": "is done with this item", "arm": "is done"}.get(around.type, "ends this round")
            return around.label, _joined("is left" if target == BREAK else ends, self._come(target)), False, False
        step = self.plan.steps.get(target)
        if step is None:
            return target, "", False, False
        if step.type == "end":
            return step.label, f"the run ends: {self.ending(step.model.outcome)}", False, True
        if step.type == "human":
            return step.label, "which asks a person", False, False
        effect = _EFFECTS.get(step.tool.effect, "") if step.tool is not None else ""
        return (
            step.label,
            _joined(effect, self._come(target)),
            step.tool is not None and step.tool.effect == "irreversible",
            False,
        )

    def by(self, action: str) -> Lead:
        """One of the engine's own."""
        again = self._come(None)
        match action:
            case "happened":
                return (
                    self.label,
                    _joined("counts as done, with what you give; nothing is sent again", self._come("")),
                    False,
                    False,
                )
            case "did_not_happen":
                return self.label, _joined("is sent once more, as a new call", again), True, False
            case "nothing_happened":
                return (
                    self.label,
                    _joined("is sent, as a new call, and so is whatever this run does after it", again),
                    True,
                    False,
                )
            case "abort" if self.child:
                return self.child, "counts as failed, and the run that it is a part of goes on from there", True, True
            case "abort":
                return self.ending(self.plan.workflow.on_failure), "the run ends there", True, True
            case "continue":
                return self.label, _joined("goes on; the limit no longer holds for this run", again), False, False
            case "retry":
                return self.label, _joined("is tried again, by a worker of its own", again), False, False
        return self.label, "", False, False

    def _come(self, to: str | None) -> str:
        """What may come from there on: what can't be undone, but for the next step's own doing, and the worst case."""
        if self.step is None:
            return ""
        most, reached = self.ahead.beyond(self.step.id, to, self.rounds)
        acting = [step.label for name, step in self.plan.steps.items() if name in reached and self._acts(step, to)]
        acts = f"may come to {listed(acting, join='and')}, which can't be undone" if acting else ""
        return _joined(acts, _worst(most) if most.model_calls else "")

    def _acts(self, step: PlanStep, to: str | None) -> bool:
        said = step.id == to or (to is None and step is self.step)
        return any(tool.effect == "irreversible" for tool in (*step.tools, *([step.tool] if step.tool and not said else [])))


def _worst(most: Bound) -> str:
    cost = "at an unknown price" if most.cost_usd is None else money(most.cost)
    calls = f"{most.model_calls:,} model call{'s' if most.model_calls > 1 else ''}"
    return f"at most {calls}, {cost}, until it ends or asks again"


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))


def overtaken(error: Exception, person: str, chosen: str | None) -> str:
    """Who was first, as `person` reads it, and what they chose, where that is known."""
    said: dict[str, Any] = getattr(error, "details", {})
    by, status = said.get("by"), said.get("status")
    who = "You yourself, in another tab or window," if by == person else by
    if status == "claimed":
        return f"{by} has claimed this question. Ask them, or wait until the claim ends."
    if status == "resolved" and by:
        return f"{who} decided this first{f': {chosen}' if chosen else ''}."
    if status:
        return f"Nobody has to decide this any more: it was {status}."
    return str(error).replace("escalation", "question")


def says_something(value: Any) -> bool:
    """Whether a proposal holds anything but empty places."""
    if isinstance(value, dict | list):
        return any(says_something(each) for each in (value.values() if isinstance(value, dict) else value))
    return value is not None and value != ""


def pressing(due: datetime | None, now: datetime) -> bool:
    """Whether less than a quarter hour is left."""
    return due is not None and (due - now).total_seconds() < 900
