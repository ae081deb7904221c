"""A plan as an outline: a tree of steps in sentences, for who reads a workflow. Plan and proof in, words out.

Where each error goes is taken from the proof, not from what is written, so that it is the whole truth.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard import schema_words
from dashboard.outline_reads import Computed, Source, computed, reads
from dashboard.run_view import words
from dashboard.schema_words import FieldWords
from orchestration.core.condition import spelled
from orchestration.core.plan import Plan, PlanStep, Rung
from orchestration.core.proof.derivation import duration
from orchestration.core.routes import BREAK, CONTINUE, Exit
from orchestration.core.wording import listed

Errors = Mapping[str, Mapping[str, str]]
"""Step → error code → where it goes: a step, one that goes on around it, an outcome, or `PERSON`. `Proof.as_dict()["errors"]`."""

PERSON = "escalation"

EFFECTS = {
    "none": ("only reads", ""),
    "idempotent": ("safe to repeat", ""),
    "reconcilable": ("can be checked", "slow"),
    "irreversible": ("can't be undone", "person"),
}
"""What a tool does to the world, in words, and the tone of its tag."""

TYPES = {
    "llm": "Model", "tool": "Tool", "branch": "Branch", "set": "Values", "loop": "Loop", "map": "Map", "parallel": "Parallel",
    "arm": "Arm", "human": "Person", "wait": "Wait", "workflow": "Workflow", "end": "End",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """Where a route leads. `kind`: step, around, success, failure, round, break or person."""

    id: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Route:
    """`words` say when it is taken; `code` is the condition as written, where there is one; `error`: it is a failure's."""

    words: str
    to: Target
    code: str = ""
    error: bool = False


@dataclass(frozen=True, slots=True)
class LadderRung:
    title: str
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutlineStep:
    id: str
    type: str
    word: str
    title: str
    note: str
    lead: str
    effect: str
    tone: str
    reads: tuple[Source, ...]
    routes: tuple[Route, ...]
    takes: tuple[FieldWords, ...]
    gives: tuple[FieldWords, ...]
    checks: tuple[tuple[str, str], ...]
    """(condition, what is said where it does not hold)."""
    ladder: tuple[LadderRung, ...]
    texts: tuple[tuple[str, str], ...]
    """(what it is, the text as written): prompts."""
    computed: tuple[Computed, ...]
    form: tuple[FieldWords, ...]
    body: tuple["OutlineStep", ...]

    @property
    def parts(self) -> str:
        """What unfolding it shows, as `Reads, checks, prompt`; "" where that is nothing."""
        there = {
            "reads": self.reads or self.takes, "gives": self.gives, "expressions": self.computed, "form": self.form,
            "checks": self.checks, "ladder": self.ladder, "prompt": self.texts,
        }  # fmt: skip
        return ", ".join(name for name, found in there.items() if found).capitalize()


def outline(plan: Plan, errors: Errors) -> tuple[OutlineStep, ...]:
    """The steps in the order written, bodies and arms within what they are of."""
    return tuple(_step(plan, errors, name) for name in plan.levels[""])


def target(plan: Plan, to: str, level: str = "") -> Target:
    """What a route's `to` is called, from a step in the container `level`. A step wins over an outcome of the same name, as
    everywhere."""
    if to in plan.chain(level)[:-1]:
        return _goes_on(plan.steps[to])
    if to in plan.steps:
        return Target(to, plan.steps[to].label, "step")
    if to == BREAK:
        return Target(to, "leave the loop", "break")
    if to == CONTINUE:
        return Target(to, f"the end of {ended(plan, level)}", "round")
    if to == PERSON:
        return Target(to, f"a person is asked, in {plan.workflow.escalation.queue}", "person")
    return ending(plan, to)


def _goes_on(around: PlanStep) -> Target:
    """A map or a parallel, where something in it has failed."""
    keeps = around.type == "map" and around.model.on_item_error == "collect"
    what = ", and keeps the error" if keeps else f" without the {'arm' if around.type == 'parallel' else 'item'}"
    return Target(around.id, f"{around.label} goes on{what}", "around")


def ended(plan: Plan, level: str) -> str:
    """What ends where a body does."""
    return {"map": "the item", "arm": "the arm"}.get(plan.steps[level].type, "the round") if level else "the round"


def ending(plan: Plan, outcome: str) -> Target:
    found = plan.workflow.outcomes.get(outcome)
    return Target(outcome, (found.title or words(outcome)) if found else words(outcome), found.kind if found else "failure")


def _step(plan: Plan, errors: Errors, name: str) -> OutlineStep:
    step = plan.steps[name]
    tool = step.tool if step.type == "tool" else None
    effect, tone = EFFECTS[tool.effect] if tool else ("", "")
    return OutlineStep(
        id=name,
        type=step.type,
        word=TYPES[step.type],
        title=step.label,
        note=step.model.note,
        lead=lead(plan, step),
        effect=effect,
        tone=tone,
        reads=reads(plan, step),
        routes=(*_routes(plan, step), *error_routes(plan, step, errors.get(name, {}))),
        takes=schema_words.fields(step.expects.schema) if step.expects else (),
        gives=schema_words.fields(step.output_schema) if step.type != "end" else (),
        checks=tuple(
            (check.text, said.else_) for check, said in zip(step.checks, getattr(step.model, "checks", ()), strict=False)
        ),
        ladder=tuple(_ladder(plan, step)),
        texts=tuple(_texts(step)),
        computed=computed(step),
        form=schema_words.fields(step.model.form) if step.type == "human" else (),
        body=tuple(_step(plan, errors, inner) for inner in plan.levels.get(name, ())),
    )


# What it does, in one sentence


def lead(plan: Plan, step: PlanStep) -> str:
    return _LEADS.get(step.type, _no_lead)(plan, step)


def _llm(plan: Plan, step: PlanStep) -> str:
    first = step.rungs[0].model if step.rungs else None
    words = f"Asks {first.name}" if first else "Asks a model"
    if first and first.model:
        words += f" ({first.model}, provider {first.provider})"
    if step.tools:
        names = listed([tool.title or tool.name for tool in step.tools], join="and")
        words += f", which may use {names} in at most {step.model.max_rounds or 1} rounds"
    return f"{words}, for at most {step.model.max_output_tokens:,} tokens."


def _tool(plan: Plan, step: PlanStep) -> str:
    if step.tool is None and not step.model.tool:
        return "Calls no tool yet."
    if step.tool is None:
        return f"Calls {step.model.tool}, which there is not."
    return f"Calls {step.tool.title or step.tool.name} ({step.tool.name}), {duration(step.timeout)} at most."


def _set(plan: Plan, step: PlanStep) -> str:
    return f"Computes {listed(step.model.values, join='and') or 'nothing yet'}, without a call."


def _branch(plan: Plan, step: PlanStep) -> str:
    count = len(step.model.cases)
    return f"Chooses by {'one rule' if count == 1 else f'{count} rules, the first that holds'}."


def _loop(plan: Plan, step: PlanStep) -> str:
    return f"Repeats what is in it, at most {_count(step.model.max, 'round')}."


def _map(plan: Plan, step: PlanStep) -> str:
    model = step.model
    at_once = f", {model.concurrency} at once" if model.concurrency > 1 else ", one after another"
    return f"Runs what is in it for each item of a list, at most {_count(model.max_items, 'item')}{at_once}. {_failing(model)}"


def _failing(model: Any) -> str:
    """What becomes of items that fail."""
    if model.on_item_error == "fail":
        return "The first item that fails fails it."
    what = "is left out" if model.on_item_error == "skip" else "is kept in its place, with its error"
    return f"An item that fails {what}{f'; {model.need} have to be done' if model.need is not None else ''}."


def _parallel(plan: Plan, step: PlanStep) -> str:
    arms, join = len(step.model.branches), step.model.join
    if join in ("all", arms):
        return f"Runs its {_count(arms, 'arm')} at once. All have to be done."
    enough = "The first that is done is enough" if join in ("any", 1) else f"{join} that are done are enough"
    return f"Runs its {_count(arms, 'arm')} at once. {enough}, and the others are cancelled then."


def _arm(plan: Plan, step: PlanStep) -> str:
    return f"One arm of {plan.steps[step.level].label}, in a run of its own."


def _workflow(plan: Plan, step: PlanStep) -> str:
    called = step.fan.called if step.fan else None
    if called is None and not step.model.workflow:
        return "Runs no workflow yet."
    if called is None:
        return f"Calls {step.model.workflow}, which there is not."
    return f"Runs {called.title or called.workflow} ({step.model.workflow}), in a run of its own, and waits until that ends."


def _human(plan: Plan, step: PlanStep) -> str:
    names = listed([action.label for action in step.model.actions])
    late = "" if step.model.on_deadline else " What follows if nobody answers is still open."
    return f"Asks a person in the queue {step.model.queue}, for {duration(step.model.deadline)} at most: {names}?{late}"


def _wait(plan: Plan, step: PlanStep) -> str:
    model = step.model
    most = f", for {duration(model.deadline)} at most" if model.deadline else ""
    if model.event is not None:
        return f"Waits for the event {model.event} from outside{most}."
    literal = isinstance(model.until, str) and "${" not in model.until
    return f"Waits {f'until {model.until}' if literal and 'T' in model.until.upper() else 'a while'}{most}."


def _end(plan: Plan, step: PlanStep) -> str:
    found = ending(plan, step.model.outcome)
    return f"Ends the run as {found.name}, a {found.kind}."


def _no_lead(plan: Plan, step: PlanStep) -> str:
    return "Can be written down, but not executed yet."


_LEADS = {
    "llm": _llm,
    "tool": _tool,
    "set": _set,
    "branch": _branch,
    "loop": _loop,
    "map": _map,
    "parallel": _parallel,
    "arm": _arm,
    "workflow": _workflow,
    "human": _human,
    "wait": _wait,
    "end": _end,
}


# Where it goes


def _routes(plan: Plan, step: PlanStep) -> Iterator[Route]:
    if hosts := _hosts(plan, step):
        for host in hosts:
            yield Route("answers in place of", target(plan, host))
        if not _is_entered(plan, step):
            return  # its own way on is never followed
    cases = iter(getattr(step.model, "cases", ()))  # as they are written: what is planned lacks those that are wrong
    for found in step.exits:
        if found.kind not in ("catch", "unknown"):
            words, code = _when(step, found, spelled(next(cases).when) if found.kind == "case" else "")
            yield Route(words, target(plan, found.to, step.level), code)


def _hosts(plan: Plan, step: PlanStep) -> list[str]:
    """The steps that fall back to this one."""
    return [name for name, other in plan.steps.items() if any(rung.step == step.id for rung in other.rungs)]


def _is_entered(plan: Plan, step: PlanStep) -> bool:
    begins = step.id == plan.workflow.start or (step.level != "" and plan.first(step.level) == step.id)
    return begins or any(found.to == step.id for other in plan.steps.values() for found in other.exits)


def _when(step: PlanStep, found: Exit, condition: str) -> tuple[str, str]:
    """(when a route is taken, the condition as written)."""
    if found.kind == "case":
        words = "if" if condition else "no condition yet"
        return (f"{found.label}: {words}" if found.label else words), condition
    if found.kind == "action":
        return f"on “{found.label}”", ""
    if found.kind == "deadline" and step.type == "wait":
        return f"if it has not come after {duration(step.model.deadline or 0)}", ""
    if found.kind == "deadline":
        return f"after {duration(step.model.deadline)} without an answer" if getattr(
            step.model, "deadline", None
        ) else "too late", ""
    if found.kind == "stalled":
        return "when this does not grow:", str(step.model.progress or "")
    if found.kind == "next" and step.loop is not None and step.loop.until is not None:
        return "done when", step.loop.until.text
    return {"default": "otherwise", "exhausted": "when the rounds are used up"}.get(found.kind, "then"), ""


def error_routes(plan: Plan, step: PlanStep, errors: Mapping[str, str]) -> Iterator[Route]:
    """One route for each place that errors go to, the most frequent one last, as `on any other error`."""
    known = {code: to for code, to in errors.items() if code != "unknown"}
    by_target: dict[str, list[str]] = {}
    for code, to in known.items():
        by_target.setdefault(to, []).append(code)
    order = sorted(by_target, key=lambda to: len(by_target[to]))
    for index, to in enumerate(order):
        words = _on(by_target[to], last=index == len(order) - 1, alone=len(order) == 1)
        yield Route(words, target(plan, to, step.level), error=True)
    if "unknown" in errors:
        yield Route("where nobody knows whether it happened", target(plan, errors["unknown"]), error=True)


def _on(codes: list[str], last: bool, alone: bool) -> str:
    return "if it can't be computed" if codes == ["expression"] else f"on {codes_in_words(codes, last, alone)}"


def codes_in_words(codes: Sequence[str], last: bool, alone: bool) -> str:
    """Errors that go the same way. `last`: the other ways of the step were said before; `alone`: there are none."""
    if last and len(codes) > 2:
        return "any error" if alone else "any other error"
    return listed([code.replace("_", " ") for code in codes])


# How it is tried


def _ladder(plan: Plan, step: PlanStep) -> Iterator[LadderRung]:
    for index, rung in enumerate(step.rungs):
        yield LadderRung(_rung_title(plan, step, rung, index), tuple(_rung_facts(step)) if rung.step is None else ())


def _rung_title(plan: Plan, step: PlanStep, rung: Rung, index: int) -> str:
    if rung.step is not None:
        found = plan.steps.get(rung.step)
        return f"{found.label if found else rung.step}, in its place"
    if rung.model is not None:
        words = f"{rung.model.name} ({rung.model.model})" if rung.model.model else rung.model.name
        if index == 0:
            return f"Ask {words}"
        return f"Ask {words} instead, {'with the rounds that are left' if step.tools else 'everything anew'}"
    return f"Call {step.tool.name if step.tool else 'the tool'}"


def _rung_facts(step: PlanStep) -> Iterator[str]:
    model = step.model
    if step.tools:
        models = [rung.model.name for rung in step.rungs if rung.model is not None]
        shared = f" over {listed(models, join='and')} together" if len(models) > 1 else ""
        yield f"{_count(model.max_rounds or 1, 'round')} at most{shared}: each asks once, and runs what the model asks for"
    yield f"{duration(step.timeout)} for a call"
    if model.repair.attempts:
        rounds = ", in a round of its own" if step.tools else ""
        yield f"{_count(model.repair.attempts, 'repair')}: asked again{rounds} and told what was wrong"
    if model.retry.attempts > 1:
        errors = listed([code.replace("_", " ") for code in model.retry.errors])
        wait = duration(model.retry.backoff) + (f", each wait × {model.retry.factor:g}" if model.retry.factor != 1 else "")
        most = duration(model.retry.max_backoff)
        yield f"{_count(model.retry.attempts - 1, 'retry')} on {errors}, after {wait}, {most} at most"


def _count(number: int, word: str) -> str:
    if number == 1:
        return f"1 {word}"
    return f"{number} {word[:-1]}ies" if word.endswith("y") else f"{number} {word}s"


# Texts as written


def _texts(step: PlanStep) -> Iterator[tuple[str, str]]:
    model: Any = step.model
    if step.type == "llm":
        if model.system:
            yield "System message", model.system.strip()
        yield "Prompt", model.prompt.strip()
