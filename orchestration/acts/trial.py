"""One step alone, with an input of one's own: real calls or mocked ones, the whole ladder, nothing stored but who tried what.

It is the engine's own code on a desk in memory, so that what a trial shows is what a run does. Backoffs are not waited for.
Irreversible tools are never called: they have to be mocked.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import transaction

from orchestration import llm, placeholders, tools, vault
from orchestration.acts import audit
from orchestration.core import decision as deciding
from orchestration.core import values
from orchestration.core.catalog import Tool
from orchestration.core.contract import Contract, contract
from orchestration.core.definition import CONTAINERS, Definition, from_data, parse
from orchestration.core.errors import ErrorCode, NotFound, Problem, Refused
from orchestration.core.frozen import dataclass, replace
from orchestration.core.ladder import CallFact
from orchestration.core.limits import LIMITS, Spent
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.position import Around, Frame, Position
from orchestration.core.result import Answer, Failure, Request, Usage
from orchestration.core.wording import did_you_mean, listed, with_stop
from orchestration.door import Door
from orchestration.executor.advance import turn
from orchestration.executor.desk import Released
from orchestration.executor.held import Held, PartOf, Paused
from orchestration.executor.written import Intent
from orchestration.llm.ask import ProviderSpec
from orchestration.models.fields import new_id
from orchestration.queries.catalog import World, current
from orchestration.queries.plans import compiled
from orchestration.record.events import Given
from orchestration.record.pack import unpack
from orchestration.record.rows import Commit, RecordRow, RunRow
from orchestration.tools.python import PythonPool

MOST_SECONDS = 120.0
_NOT_ALONE = ("loop", "human", "map", "parallel", "arm", "workflow")
Mocks = Mapping[str, Any]
"""By step id or tool name: what its call comes back with, or a list, one for each of its calls, the last for all that follow."""
_KINDS = ("output", "answer", "error")


def try_step(*, definition: str | dict[str, Any], step: str, input: Any, mocks: Mocks | None = None, by: str) -> dict[str, Any]:
    """Runs `step` of `definition` on `input`: its own input for `llm` and `tool`, else `{run: {input}, steps: {…}, carry?,
    item?, index?}`. Nothing is waited for: a moment comes at once, and an event is mocked (`{error: timeout}`: it does not come).

    `mocks`: `{output}`, which has to meet its contract; `{answer}`, as it might come, which is read and judged like any; or
    `{error: code or {code, message}}`. Returns `{result, output, decision,
    calls}`. Raises `Refused`, also for a mock that nothing would ask for, since the call that it was meant for would be real, and
    `NotFound`.
    """
    world = current()
    read = _definition(definition)
    plan = compiled(read, world)
    chosen = _step(plan, step)
    given = values.clean(input if input is not None else {}).value
    if not isinstance(given, dict):
        raise Refused(Problem("wrong_type", "The input is an object.", "input"))
    asked = values.clean(dict(mocks or {})).value
    if unknown := tuple(_unknown(plan, chosen, asked)):
        raise Refused(*unknown)
    for name, mock in asked.items():
        _check_mock(plan, name, mock)
    with transaction.atomic():  # before any call: what leaves has somebody who sent it
        detail = {"step": step, "input": given, "mocks": asked, "definition": read.hash}
        audit.write(subject=f"workflow:{read.id}", verb="try", by=by, detail=detail)
    return asyncio.run(_run(world, plan, chosen, given, asked))


def _definition(definition: str | dict[str, Any]) -> Definition:
    return parse(definition) if isinstance(definition, str) else from_data(definition)


def _step(plan: Plan, step: str) -> PlanStep:
    chosen = plan.steps.get(step)
    if chosen is None:
        raise NotFound(f"There is no step {step[:60]}. There are {', '.join(plan.steps)}.")
    if chosen.type in _NOT_ALONE:
        raise Refused(Problem("not_alone", _why_not_alone(plan, chosen), "step", step))
    if wrong := [p for p in plan.problems if p.step == step and p.severity == "error"]:
        raise Refused(*wrong)
    return chosen


def _why_not_alone(plan: Plan, step: PlanStep) -> str:
    if step.type == "human":
        return f"{step.label} waits for a person, so there is nothing to try alone. Start a run, and answer it in the inbox."
    if step.type in CONTAINERS:
        inside = [name for name, each in plan.steps.items() if step.id in plan.chain(each.level) and each.type not in _NOT_ALONE]
        what = listed(inside, join="and") or "there is none that can be"
        word = "an arm" if step.type == "arm" else f"a {step.type}"
        return f"{step.label} is {word}, which can't be tried as a whole. Try the steps in it: {what}."
    return f"{step.label} calls {step.model.workflow}, which is a run of its own. Start a run of that, or try its steps."


def _unknown(plan: Plan, step: PlanStep, mocks: Mocks) -> Iterator[Problem]:
    """Mocks for what is not called where `step` is tried."""
    calling = [step, *(plan.steps[rung.step] for rung in step.rungs if rung.step and rung.step in plan.steps)]
    tools = {tool.name for each in calling for tool in (each.tool, *each.tools) if tool is not None}
    asked_for = {each.id for each in calling if each.type in ("llm", "tool") or getattr(each.model, "event", None)} | tools
    for name in mocks:
        if name in plan.steps and name not in asked_for:
            words = f"{plan.steps[name].label} is not called where {step.label} is tried"
            yield Problem("unknown_mock", with_stop(f"{words}{did_you_mean('', asked_for)}"), f"mocks.{name}")
        elif name not in asked_for:
            words = f"There is no step or tool {name[:60]} here{did_you_mean(name, asked_for)}"
            yield Problem("unknown_mock", with_stop(words), f"mocks.{name[:60]}")


def _check_mock(plan: Plan, name: str, mock: Any) -> None:
    if not isinstance(mock, list):
        _check_one(plan, name, mock, f"mocks.{name}")
    for index, one in enumerate(mock if isinstance(mock, list) else ()):
        _check_one(plan, name, one, f"mocks.{name}[{index}]")


def _check_one(plan: Plan, name: str, mock: Any, path: str) -> None:
    if not isinstance(mock, dict) or len(mock) != 1 or not set(mock) <= set(_KINDS):
        message = "A mock is {output: …}, {answer: …} or {error: …}, or a list of these, one for each call."
        raise Refused(Problem("bad_mock", message, path))
    if "error" in mock:
        failure = _failure(mock["error"], path)
        if name in plan.steps and plan.steps[name].type == "wait" and failure.code != ErrorCode.TIMEOUT:
            message = "An event comes, or does not come in time: write {output: …}, {answer: …} or {error: timeout}."
            raise Refused(Problem("bad_mock", message, f"{path}.error"))
    promised = _promised(plan, name)
    problems = promised.check(mock["output"], f"{path}.output") if promised and "output" in mock else ()
    if problems:
        raise Refused(*(_broken(p, path, index == 0) for index, p in enumerate(problems)))


def _broken(problem: Problem, path: str, first: bool) -> Problem:
    message = with_stop(f"{problem.path.removeprefix(f'{path}.')} {problem.message}")
    hint = " To see what an answer like that leads to, write `answer` in place of `output`." if first else ""
    return replace(problem, code="mock_breaks_contract", message=f"{message}{hint}")


def _promised(plan: Plan, name: str) -> Contract | None:
    step = plan.steps.get(name)
    if step is not None and step.type in ("llm", "tool", "wait"):
        return step.output
    tool = next((t for s in plan.steps.values() for t in (s.tool, *s.tools) if t is not None and t.name == name), None)
    return contract(tool.output) if tool and tool.output else None


def _failure(error: Any, path: str) -> Failure:
    found = {"code": error} if isinstance(error, str) else error
    try:
        return Failure(ErrorCode(found["code"]), str(found.get("message", "mocked")))
    except (ValueError, KeyError, TypeError, AttributeError):
        codes = ", ".join(code.value for code in ErrorCode)
        raise Refused(Problem("bad_mock", f"An error is one of {codes}, or {{code, message}} of it.", f"{path}.error")) from None


class _Now:
    """What is waited for comes at once: the clock goes ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def sync(self) -> datetime:
        return self.now()

    def come_to(self, due: datetime) -> None:
        self.ahead += max(due - self.now(), timedelta(0))


@dataclass
class _Desk:
    """In memory: every commit is applied, every record and call kept."""

    draining: ClassVar[bool] = False
    family: ClassVar[None] = None

    world: World
    mocks: Mocks
    door: Door
    pool: PythonPool
    clock: _Now = field(default_factory=_Now)
    commits: list[Commit] = field(default_factory=list)
    blobs: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)
    mocked: Counter[str] = field(default_factory=Counter)
    types: Mapping[str, str] = field(default_factory=dict)

    async def commit(self, held: Held, row: RunRow) -> None:
        commit = held.take_commit(row)
        self.blobs.update(commit.blobs)
        self.commits.append(commit)
        held.committed(commit)
        if row.wait == "backoff" and row.status == "ready":
            held.rested = True
        elif row.wait in ("event", "time") and row.due is not None and row.since is not None:
            held.paused = Paused(row.wait, row.since)
            self.clock.come_to(row.due)
        elif row.status != "held":
            raise Released

    @property
    def records(self) -> list[RecordRow]:
        return [record for commit in self.commits for record in commit.records]

    async def load(self, held: Held, steps: Collection[str]) -> None:
        """What is there was given with the input."""

    async def load_part(self, held: Held, path: str) -> Any:
        return held.parts.get(path)

    def _mock(self, step: str, tool: Tool | None) -> Mapping[str, Any] | None:
        """What stands in for a call of `step`. A tool that a model asked for is mocked by its own name alone."""
        named = [tool.name] if tool else []
        if tool is None or self.types[step] == "tool":
            named.append(step)
        name = next((each for each in named if each in self.mocks), None)
        if name is None:
            return None
        found = self.mocks[name]
        self.mocked[name] += 1
        return found[min(self.mocked[name], len(found)) - 1] if isinstance(found, list) else found

    async def perform(self, held: Held, request: Request, tool: Tool | None) -> Answer:
        if (mock := self._mock(held.position.active, tool)) is not None:
            return _mocked(mock, tool)
        if tool is not None and tool.effect == "irreversible":
            message = f"{tool.name} is irreversible and is not called in a trial. Mock it: {{{tool.name}: {{output: …}}}}"
            raise Refused(Problem("mock_needed", message, f"mocks.{tool.name}"))
        secrets = await asyncio.to_thread(vault.resolve, placeholders.names(request))
        if request.protocol in llm.PROTOCOLS:
            return await llm.PROTOCOLS[request.protocol].perform(request, secrets, self.door)
        return await tools.KINDS[request.protocol].perform(
            request, secrets, self.pool if request.protocol == "python" else self.door
        )

    async def event(self, held: Held, address: str) -> Given | None:
        """Before it waits: what comes meanwhile is mocked, so that it is there already."""
        step = held.position.active
        mock = self._mock(step, None)
        if mock is None:
            name = address.partition(" ")[0]
            message = f"Nothing comes from outside in a trial. Say what {name} brings: {{{step}: {{output: …}}}}, "
            raise Refused(Problem("mock_needed", f"{message}or {{error: timeout}} where it does not come.", f"mocks.{step}"))
        if "error" in mock:
            return None
        payload = mock["output"] if "output" in mock else mock["answer"]
        return Given("trial", address, payload, (), "a mock", self.clock.now(), own=True)

    async def intent(self, held: Held, fact: CallFact) -> Intent:
        raise AssertionError("nobody takes a trial over")

    async def denied(self, held: Held) -> bool:
        raise AssertionError("a trial was never restored")

    def enter(self, provider: str) -> bool:
        return True

    async def wait_to_enter(self, provider: str) -> bool:
        return True

    def leave(self, provider: str) -> None:
        """A person who tries a step does not wait for the runs."""

    def provider(self, name: str) -> ProviderSpec | None:
        return self.world.providers.get(name)


def _mocked(mock: Mapping[str, Any], tool: Tool | None) -> Answer:
    """What a model says is text, and is read as one; a tool's answer is taken as read. Neither costs anything."""
    if "error" in mock:
        return Answer(failure=_failure(mock["error"], "mocks"), usage=Usage(0, 0))
    given = mock["output"] if "output" in mock else mock["answer"]
    text = given if isinstance(given, str) and "answer" in mock else values.dump(given)
    return Answer(output=given, raw=text) if tool else Answer(text=text, raw=text, usage=Usage(0, 0))


@dataclass(frozen=True, slots=True)
class _Given:
    """An input that is there already, in the place of the expression that would compute it."""

    value: Any

    def evaluate(self, env: Mapping[str, Any]) -> Any:
        return self.value


async def _run(world: World, plan: Plan, step: PlanStep, given: dict[str, Any], mocks: Mocks) -> dict[str, Any]:
    held = _held(plan, step, given)
    async with (
        Door(reach=settings.REACH) as door,
        PythonPool(settings.TOOL_MODULES, size=1 if settings.TOOL_MODULES else 0) as pool,
    ):
        desk = _Desk(world, mocks, door, pool, types={name: each.type for name, each in plan.steps.items()})
        path = held.position.path
        try:
            async with asyncio.timeout(MOST_SECONDS):
                while not any(record.path == path for record in (*desk.records, *held.records)):
                    await turn(desk, held)
        except Released:
            pass
        except TimeoutError:
            message = f"The step took more than {MOST_SECONDS:.0f} s and was stopped."
            raise Refused(Problem("too_slow", message, "step", step.id)) from None
        return _told(desk, held, path)


def _held(plan: Plan, step: PlanStep, given: dict[str, Any]) -> Held:
    alone = step
    run_input: Any = given
    outputs: dict[str, Any] = {}
    carry: Any = {}
    if step.type in ("llm", "tool"):
        alone = replace(step, input=_Given(given), needs=frozenset())  # type: ignore[arg-type]
    else:
        run_input, carry, outputs = _mapping(given, "run").get("input", {}), given.get("carry", {}), _mapping(given, "steps")
    plan = replace(plan, steps={**plan.steps, step.id: alone})
    item: dict[str, Any] = {name: given[name] for name in ("item", "index") if name in given} if run_input is not given else {}
    frames = tuple(_frames(plan, step, carry, item.get("index", 0)))
    position = Position(step=step.id, frames=frames)
    row = RunRow(
        status="held", position="null", place="", seq=0, fence=0, holder="trial", step_deadline=None, due=None, wait="",
        suspicion=0, deaths=0, spent="{}", cost=0, asked=None, state_hash="", outcome="", output="null", error="null",
        started=None, ended=None,
    )  # fmt: skip
    held = Held(new_id(), plan, run_input, row, 1, position, Spent(lifted=LIMITS))
    if item:
        held.part_of = PartOf((Around(held.run_id, -1, 0),), run_input, item)
    for name, output in outputs.items():
        if name in plan.steps:
            held.values.update(dict.fromkeys(held.names([name]), output))
    return held


def _frames(plan: Plan, step: PlanStep, carry: Any, index: Any) -> Iterator[Frame]:
    """The first round of each loop around it, the item and the arm that it is in."""
    for level in reversed(plan.chain(step.level)[:-1]):
        kind = plan.steps[level].type
        if kind == "map":
            yield Frame(level, index if isinstance(index, int) else 0, kind="item")
        elif kind == "arm":
            yield Frame(level, 0, kind="arm")
        elif kind == "loop":
            yield Frame(level, 1, carry)


def _mapping(given: dict[str, Any], name: str) -> dict[str, Any]:
    found = given.get(name, {})
    if not isinstance(found, dict):
        raise Refused(Problem("wrong_type", f"`{name}` is an object.", f"input.{name}"))
    return found


def _told(desk: _Desk, held: Held, path: str) -> dict[str, Any]:
    blobs = {**desk.blobs, **held.blobs}
    record = next((r for r in (*desk.records, *held.records) if r.path == path), None)
    answers = {(a.path, a.visit, a.n): a for c in desk.commits for a in c.answers} | {
        (a.path, a.visit, a.n): a for a in held.answers
    }
    calls = [_call(intent, answers, blobs) for commit in desk.commits for intent in commit.intents]
    if record is None:  # it stopped at a person
        paused = next((e for c in desk.commits for e in c.escalations), None)
        reason = unpack(paused.reason, blobs) if paused else {}
        return {
            "result": {"kind": "needs_person", "error": reason.get("error")},
            "output": None,
            "decision": None,
            "calls": calls,
        }
    return {
        "result": unpack(record.result, blobs),
        "output": unpack(record.output, blobs),
        "decision": unpack(record.decision, blobs),
        "calls": calls,
    }


def _call(intent: Any, answers: Mapping[Any, Any], blobs: Mapping[str, str]) -> dict[str, Any]:
    answer = answers.get((intent.path, intent.visit, intent.n))
    return {
        "n": intent.n,
        "kind": intent.kind,
        "path": intent.path,
        "key": intent.key,
        "request": unpack(intent.request, blobs),
        "response": unpack(answer.response, blobs) if answer else None,
        "error": unpack(answer.error, blobs) if answer else None,
        "tokens": {"in": answer.tokens_in, "out": answer.tokens_out} if answer else None,
        "cost": answer.cost / deciding.NANO if answer else None,
    }
