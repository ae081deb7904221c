"""What is written at one place, and should be something else, or nothing."""

from collections.abc import Callable, Iterator
from itertools import chain, count
from typing import Any

from orchestration.core.errors import ErrorCode
from orchestration.core.fields import ID
from orchestration.core.fixes.case import Case, Fix, above, put, take
from orchestration.core.wording import nearest

_DAY = "1d"
_ROUNDS = 5
_TOKENS = 8000
_FEW = 3
_SURE = ("auth", "not_found", "rate_limited", "refused")
"""Errors after which a call certainly did not happen."""


def _remove(case: Case) -> Iterator[Fix]:
    yield case.take("Remove it")


def _unknown_outcome(case: Case) -> Iterator[Fix]:
    outcomes, name = case.plan.workflow.outcomes, str(case.value)
    failing = case.key in ("on_failure", "escalation.on_deadline")
    fit = [name for name, found in outcomes.items() if found.kind == "failure" or not failing]
    near = nearest(name, fit)
    if near is not None:
        yield case.put(f"Say {near} instead", near)
    kind = "failure" if failing else "success"
    if ID.fullmatch(name):
        yield Fix(f"Add the outcome {name}, a {kind}", (put("", f"outcomes.{name}", {"kind": kind}),))


def _wrong_kind(case: Case) -> Iterator[Fix]:
    for name, found in case.plan.workflow.outcomes.items():
        if found.kind == "failure":
            yield case.put(f"Say {name} instead", name)
            return
    free = next(name for name in chain(["broken"], (f"broken_{n}" for n in count(2))) if name not in case.plan.workflow.outcomes)
    yield Fix(f"Add the outcome {free}, a failure", (put("", f"outcomes.{free}", {"kind": "failure"}), put("", case.key, free)))


def _incomplete_deadline(case: Case) -> Iterator[Fix]:
    if case.step is None:
        failures = [name for name, found in case.plan.workflow.outcomes.items() if found.kind == "failure"]
        has = case.plan.workflow.escalation.deadline is not None
        if has and failures:
            yield case.put(f"End as {failures[0]} when it passes", failures[0], "escalation.on_deadline")
        yield case.take("Wait without a deadline", f"escalation.{'deadline' if has else 'on_deadline'}")
        return
    model, goes_on = case.step.model, case.step.model.next
    commands = [] if model.deadline is not None else [put(case.owner, "deadline", _DAY)]
    if model.on_deadline is None and goes_on is not None:
        commands.append(put(case.owner, "on_deadline", goes_on))
    if model.on_deadline is not None or goes_on is not None:
        yield Fix(f"{'Wait for a day, then go' if model.deadline is None else 'Go'} on as written", tuple(commands))
    if case.key and model.until is not None:
        yield case.take("Wait without a deadline")


def _bad_wait(case: Case) -> Iterator[Fix]:
    assert case.step is not None
    if case.key:
        yield case.take("Remove it")
    elif case.step.model.until is not None:
        yield case.take("Wait for the event", "until")
        given = [key for key in ("event", "correlation", "output") if getattr(case.step.model, key) is not None]
        yield case.take("Wait for the moment", *given)
    else:
        yield case.put("Wait for an hour", "1h", "until")


def _event_for_any(case: Case) -> Iterator[Fix]:
    assert case.step is not None
    around = case.plan.chain(case.step.level)[:-1]
    if all(case.plan.steps[name].type != "map" for name in around):  # the items of a run have one id
        yield case.put("Wait for that of this run", "${run.id}", "correlation")


def _never_taken(case: Case) -> Iterator[Fix]:
    yield case.take("Remove both", "deadline", "on_deadline") if case.key == "on_deadline" else case.take("Remove it")


def _priority(case: Case) -> Iterator[Fix]:
    yield case.put("Make it normal", "normal")


def _duplicate_action(case: Case) -> Iterator[Fix]:
    assert case.step is not None
    taken = {action.id for action in case.step.model.actions}
    name = next(name for number in range(2, 100) if (name := f"{str(case.value)[:44]}_{number}") not in taken)
    yield case.put(f"Call this one {name}", name)


def _retry(case: Case) -> Iterator[Fix]:
    """Only what a call that did not happen comes back with."""
    assert case.step is not None
    errors = [code for code in case.step.model.retry.errors if code in _SURE]
    if errors:
        yield case.put(f"Retry on {', '.join(errors)} only", errors, "retry.errors")
    yield case.take("Don't retry", "retry")


def _retry_unknown(case: Case) -> Iterator[Fix]:
    errors = [code for code in case.value or () if code != ErrorCode.UNKNOWN]
    yield case.put("Take unknown out of it", errors) if errors else case.take("Don't retry", "retry")


def _rounds(case: Case) -> Iterator[Fix]:
    yield case.put(f"At most {_ROUNDS} rounds", _ROUNDS)


def _cap(case: Case) -> Iterator[Fix]:
    """A prompt of one's own; that of a called workflow is bounded there."""
    if case.key == "workflow":
        yield from _prices(case)
        return
    yield case.put(f"At most {_TOKENS:,} tokens", _TOKENS)


def _one_of(known: Callable[[Case], Any], some: int = _FEW) -> Callable[[Case], Iterator[Fix]]:
    """A name that there is, in place of one that there is not: the one that is meant, else each of a few."""

    def mend(case: Case) -> Iterator[Fix]:
        names = sorted(known(case))
        near = nearest(str(case.value), names)
        for name in [near] if near else names if len(names) <= some else []:
            yield case.put(f"Say {name} instead", name)

    return mend


def _opens_field(case: Case) -> Iterator[Fix]:
    """A form that opens with what is no field of it."""
    assert case.step is not None
    if case.step.type == "human" and case.key.startswith("values.") and case.problem.severity == "error":
        yield case.take("Remove it")


def _tool_repair(case: Case) -> Iterator[Fix]:
    yield case.take("Remove it", "repair")


def _prices(case: Case) -> Iterator[Fix]:
    yield Fix("Set no limit in dollars", (take("", "limits.cost_usd"),))


def _unfinished(case: Case) -> Iterator[Fix]:
    """What is open only a person knows, but for a tool where there are few."""
    if case.key == "tool":
        names = sorted({*case.plan.catalog.tools, *case.plan.workflow.tools})
        for name in names if len(names) <= _FEW else []:
            yield case.put(f"Call {name}", name)
    elif case.key.startswith("cases[") and case.step is not None and len(case.step.model.cases) > 1:
        yield case.take("Take this case away", above(case.key))
    elif case.key.startswith("checks["):
        yield case.take("Take this check away", above(case.key))


BY_CODE: dict[str, Callable[[Case], Iterator[Fix]]] = {
    "unfinished": _unfinished,
    "unknown_outcome": _unknown_outcome,
    "unknown_model": _one_of(lambda case: case.plan.workflow.models),
    "unknown_tool": _one_of(lambda case: {**case.plan.catalog.tools, **case.plan.workflow.tools}),
    "unknown_provider": _one_of(lambda case: case.plan.catalog.providers),
    "wrong_kind": _wrong_kind,
    "outcome_unused": _remove,
    "incomplete_deadline": _incomplete_deadline,
    "bad_wait": _bad_wait,
    "event_for_any": _event_for_any,
    "not_supported_yet": _remove,
    "never_taken": _never_taken,
    "bad_priority": _priority,
    "duplicate_action": _duplicate_action,
    "irreversible_retry": _retry,
    "retry_unknown": _retry_unknown,
    "tool_repair": _tool_repair,
    "no_max_rounds": _rounds,
    "no_input_cap": _cap,
    "owned_param": _remove,
    "not_assignable": _opens_field,
    "price_missing": _prices,
}
