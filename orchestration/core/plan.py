"""A definition, checked and compiled: what the engine runs and the proof reads.

`compile_plan(definition, catalog)` never raises for a wrong definition: it returns the plan as far as it could be built
and the problems found on the way (wrong expressions, templates, schemas, names). A plan with an error among its problems
is not run. Types flow forward: what an expression may read is typed by the contracts of the steps before it.

    level      the container whose body a step stands in, "" for the root
    sight      root name → JSON Schema of what an expression there may read
    use        one place of a step that reads: at `enter` before the step runs, `leave` when it has, `round` at the end
               of a loop's round
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from orchestration.core import values
from orchestration.core.catalog import Catalog, HttpTemplate, Price, Tool
from orchestration.core.contract import Contract, check_schema, contract
from orchestration.core.definition import CallStep, Definition, LlmStep
from orchestration.core.errors import Problem, Refused
from orchestration.core.expression import Condition, Read, Value, compile_condition, compile_expression, compile_value
from orchestration.core.inference import join, schema_of_human, text_output
from orchestration.core.prompt_text import PromptText, compile_prompt
from orchestration.core.routes import Exit, exits

ERROR_SCHEMA = {
    "type": "object",
    "required": ["code", "message", "step"],
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "step": {"type": "string"}},
}
ITER_SCHEMA = {"type": "object", "required": ["index"], "properties": {"index": {"type": "integer"}}}
Moment = Literal["enter", "leave", "round"]


@dataclass(frozen=True, slots=True)
class Use:
    path: str
    moment: Moment
    reads: tuple[Read, ...]


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """One model of the definition's `models`, resolved. `price` None: dollars are unknown."""

    name: str
    provider: str
    protocol: str
    model: str
    params: Mapping[str, Any]
    price: Price | None


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung of a ladder: this step's own call (on `model`, for an `llm`), or another step in its place."""

    model: ModelPlan | None = None
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Loop:
    carry: Value | None
    update: Value | None
    until: Condition | None
    progress: Value | None
    output: Value | None
    carry_schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step, compiled. Which of the optional parts are there depends on its type."""

    id: str
    type: str
    place: str
    level: str
    model: Any
    exits: tuple[Exit, ...]
    uses: tuple[Use, ...]
    fingerprint: str
    output_schema: dict[str, Any]
    output: Contract | None = None
    expects: Contract | None = None
    input: Value | None = None
    values: Value | None = None
    show: Value | None = None
    prompt: PromptText | None = None
    system: PromptText | None = None
    checks: tuple[Condition, ...] = ()
    cases: tuple[Condition, ...] = ()
    rungs: tuple[Rung, ...] = ()
    tool: Tool | None = None
    tools: tuple[Tool, ...] = ()
    loop: Loop | None = None
    needs: frozenset[str] = frozenset()
    """Names of the steps whose outputs it reads."""

    @property
    def label(self) -> str:
        return str(self.model.label)

    @property
    def timeout(self) -> float:
        """Seconds that one call of it may take in all."""
        own = getattr(self.model, "timeout", None)
        return float(own or (self.tool.timeout if self.tool else 60.0))


@dataclass(frozen=True, slots=True)
class Plan:
    definition: Definition
    catalog: Catalog
    steps: Mapping[str, PlanStep]
    levels: Mapping[str, tuple[str, ...]]
    """Level → the ids of its steps, in the order written; the first of a body is where a round begins."""
    models: Mapping[str, ModelPlan]
    input: Contract | None
    problems: tuple[Problem, ...] = ()

    @property
    def workflow(self) -> Any:
        return self.definition.workflow

    @property
    def ok(self) -> bool:
        return not any(problem.severity == "error" for problem in self.problems)

    def first(self, level: str) -> str:
        return str(self.workflow.start) if level == "" else self.levels[level][0]

    def chain(self, level: str) -> tuple[str, ...]:
        """`level` and the levels around it, innermost first, the root last."""
        found = [level]
        while level:
            level = self.steps[level].level
            found.append(level)
        return tuple(found)


def compile_plan(definition: Definition, catalog: Catalog) -> Plan:
    return _Compiler(definition, catalog).compile()


@dataclass
class _Compiler:
    definition: Definition
    catalog: Catalog
    problems: list[Problem] = field(default_factory=list)
    places: dict[str, tuple[str, Any, str]] = field(default_factory=dict)
    levels: dict[str, list[str]] = field(default_factory=dict)
    done: dict[str, PlanStep] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)
    models: dict[str, ModelPlan] = field(default_factory=dict)
    sights: dict[str, dict[str, Any]] = field(default_factory=dict)

    def compile(self) -> Plan:
        workflow = self.definition.workflow
        self.input_schema = self._schema(workflow.input, "input") or {}
        for name, outcome in workflow.outcomes.items():
            self._schema(outcome.output, f"outcomes.{name}.output")
        for name, ref in workflow.models.items():
            self.models[name] = self._model(name, ref)
        self._place(workflow.steps, "steps", "")
        for step_id in self.places:
            self._step(step_id)
        order = {step_id: self.done[step_id] for step_id in self.places}
        levels = {level: tuple(ids) for level, ids in self.levels.items()}
        located = tuple(replace(p, line=p.line or self.definition.source.line(p.path)) for p in self.problems)
        usable = contract(self.input_schema) if not any(p.path.startswith("input") for p in located) else None
        return Plan(self.definition, self.catalog, order, levels, self.models, usable, located)

    def _place(self, steps: tuple[Any, ...], path: str, level: str) -> None:
        self.levels.setdefault(level, [])
        for index, step in enumerate(steps):
            place = f"{path}[{index}]"
            if step.id in self.places:
                self._problem("duplicate_id", f"The id {step.id} stands twice. Ids are the only references: rename one.", f"{place}.id", step.id)
                continue
            self.places[step.id] = (place, step, level)
            self.levels[level].append(step.id)
            if body := getattr(step, "body", None):
                self._place(body, f"{place}.body", step.id)

    def _problem(self, code: str, message: str, path: str, step: str | None = None, severity: Any = "error") -> None:
        self.problems.append(Problem(code, message, path, step, severity))

    def _try(self, step: str | None, build: Any, *args: Any, **options: Any) -> Any:
        """What `build` gives, or None with its problems noted down against `step`."""
        try:
            return build(*args, **options)
        except Refused as refused:
            self.problems.extend(replace(problem, step=problem.step or step) for problem in refused.problems)
            return None

    def _schema(self, schema: dict[str, Any] | None, path: str, step: str | None = None) -> dict[str, Any] | None:
        if schema is None:
            return None
        found = check_schema(schema, path)
        self.problems.extend(replace(problem, step=step) for problem in found)
        return None if found else schema

    def _contract(self, schema: dict[str, Any] | None, path: str, step: str) -> Contract | None:
        checked = self._schema(schema, path, step)
        return contract(checked) if checked is not None else None

    # names outside the definition

    def _model(self, name: str, ref: Any) -> ModelPlan:
        facts = self.catalog.providers.get(ref.provider)
        if facts is None:
            known = ", ".join(sorted(self.catalog.providers)) or "none yet"
            self._problem("unknown_provider", f"There is no provider {ref.provider}. There are: {known}.", f"models.{name}.provider")
            return ModelPlan(name, ref.provider, "", ref.model or "", ref.params, None)
        model = ref.model or facts.default_model
        if not model:
            self._problem("model_missing", f"{ref.provider} has no default model: name one here.", f"models.{name}")
        price = facts.price(model)
        if ref.usd_per_mtok_in is not None and ref.usd_per_mtok_out is not None:
            price = Price(ref.usd_per_mtok_in, ref.usd_per_mtok_out)
        return ModelPlan(name, ref.provider, facts.protocol, model, ref.params, price)

    def _tool(self, name: str, path: str, step: str) -> Tool | None:
        own = self.definition.workflow.tools.get(name)
        if own is not None:
            return own_tool(name, own)
        if (shared := self.catalog.tools.get(name)) is None:
            known = ", ".join([*self.definition.workflow.tools, *sorted(self.catalog.tools)][:12]) or "none yet"
            self._problem("unknown_tool", f"There is no tool {name}. There are: {known}.", path, step)
        return shared

    # sight: what may be read where

    def _sight(self, level: str) -> dict[str, Any]:
        """What a step of `level` may read when it is entered."""
        if level not in self.sights:
            self.sights[level] = self._look(level)
        sight = dict(self.sights[level])
        schemas = {name: self._output_of(name) for name in self._visible(level) if name not in self.busy}
        sight["steps"] = {"type": "object", "properties": schemas, "required": list(schemas)}
        return sight

    def _look(self, level: str) -> dict[str, Any]:
        run = {
            "type": "object",
            "required": ["id", "input"],
            "properties": {"id": {"type": "string"}, "input": self.input_schema},
        }
        sight: dict[str, Any] = {"run": run, "error": ERROR_SCHEMA}
        if level:
            sight["iter"] = ITER_SCHEMA
            sight["carry"] = self._carry_of(level)
        return sight

    def _visible(self, level: str) -> list[str]:
        names: list[str] = []
        while True:
            names.extend(self.levels.get(level, ()))
            if not level:
                return names
            level = self.places[level][2]

    def _output_of(self, name: str) -> dict[str, Any]:
        return self._step(name).output_schema

    def _carry_of(self, level: str) -> dict[str, Any]:
        """The type of a loop's carry: what it begins with, joined with what a round leaves. `{}` where that is circular."""
        place, step, outer = self.places[level]
        if step.type != "loop":
            return {}
        sight = self._sight(outer)
        try:
            first = compile_value(step.carry, sight, f"{place}.carry").schema
        except Refused:
            return {}
        if step.update is None:
            return first
        self.sights[level] = {**self._look_without_carry(), "carry": first}
        try:
            return join(first, compile_value(step.update, self._sight(level), f"{place}.update").schema)
        except Refused:
            return {}
        finally:
            self.sights.pop(level, None)

    def _look_without_carry(self) -> dict[str, Any]:
        return {**self._look(""), "iter": ITER_SCHEMA}

    # steps

    def _step(self, step_id: str) -> PlanStep:
        if step_id in self.done:
            return self.done[step_id]
        place, model, level = self.places[step_id]
        if step_id in self.busy:
            return PlanStep(step_id, model.type, place, level, model, (), (), "", {})
        self.busy.add(step_id)
        mark = len(self.problems)
        try:
            built = _StepCompiler(self, step_id, place, model, level).compile()
        finally:
            self.busy.discard(step_id)
        # A forward look at a container's carry compiles twice what stands in it: keep each problem once.
        fresh = [problem for problem in dict.fromkeys(self.problems[mark:]) if problem not in self.problems[:mark]]
        self.problems[mark:] = fresh
        self.done[step_id] = built
        return built


@dataclass
class _StepCompiler:
    """Compiles one step. Each `_type` method returns the parts that its type has."""

    outer: _Compiler
    id: str
    place: str
    model: Any
    level: str
    uses: list[Use] = field(default_factory=list)

    def compile(self) -> PlanStep:
        parts = getattr(self, f"_{self.model.type}", self._plain)()
        expects = self.outer._contract(self.model.expects, f"{self.place}.expects", self.id)
        fingerprint = values.digest(self.model.model_dump(mode="json", by_alias=True, exclude={"title", "note", "body"}))
        needs = {read.path[1] for use in self.uses for read in use.reads if read.path[0] == "steps" and len(read.path) > 1}
        parts.setdefault("output_schema", {})
        parts.setdefault("expects", expects)
        return PlanStep(
            id=self.id,
            type=self.model.type,
            place=self.place,
            level=self.level,
            model=self.model,
            exits=exits(self.model, self.place, bool(self.level)),
            uses=tuple(self.uses),
            fingerprint=fingerprint,
            needs=frozenset(needs),
            **parts,
        )

    def _plain(self) -> dict[str, Any]:
        return {}

    def _value(self, value: Any, key: str, moment: Moment = "enter", sight: dict[str, Any] | None = None) -> Value | None:
        path = f"{self.place}.{key}"
        built = self.outer._try(self.id, compile_value, value, sight or self.outer._sight(self.level), path)
        return self._used(built, path, moment)

    def _condition(self, tree: Any, key: str, moment: Moment = "enter", sight: dict[str, Any] | None = None) -> Condition | None:
        path = f"{self.place}.{key}"
        built = self.outer._try(self.id, compile_condition, tree, sight or self.outer._sight(self.level), path)
        return self._used(built, path, moment)

    def _used(self, built: Any, path: str, moment: Moment) -> Any:
        if built is not None and built.reads:
            self.uses.append(Use(path, moment, tuple(built.reads)))
        return built

    def _call(self, model: CallStep, output_schema: dict[str, Any] | None) -> dict[str, Any]:
        """The parts that `llm` and `tool` share."""
        given = self._value(model.input, "input") if model.input else None
        output = self.outer._schema(output_schema, f"{self.place}.output", self.id)
        own = {"input": given.schema if given else {"type": "object", "properties": {}}, "output": output or {}}
        checks = []
        for index, check in enumerate(model.checks):
            path = f"{self.place}.checks[{index}].that"
            checks.append(self.outer._try(self.id, compile_condition, check.that, own, path))
        return {
            "input": given,
            "output": contract(output) if output else None,
            "output_schema": output or {},
            "checks": tuple(check for check in checks if check is not None),
        }

    def _llm(self) -> dict[str, Any]:
        model: LlmStep = self.model
        parts = self._call(model, model.output if model.output is not None else None)
        if model.output is None:
            parts["output_schema"] = text_output()
        given = parts["input"].schema if parts["input"] else {"type": "object", "properties": {}}
        parts["prompt"] = self.outer._try(self.id, compile_prompt, model.prompt, given, f"{self.place}.prompt")
        parts["system"] = self.outer._try(self.id, compile_prompt, model.system, given, f"{self.place}.system")
        found = [self._named_model(model.model, f"{self.place}.model")]
        rungs = [Rung(model=found[0])] if found[0] else []
        for index, fallback in enumerate(model.fallback):
            if fallback.step is not None:
                rungs.append(Rung(step=fallback.step))
            elif plan := self._named_model(str(fallback.model), f"{self.place}.fallback[{index}].model"):
                rungs.append(Rung(model=plan))
        parts["rungs"] = tuple(rungs)
        tools = [self.outer._tool(name, f"{self.place}.tools[{i}]", self.id) for i, name in enumerate(model.tools)]
        parts["tools"] = tuple(tool for tool in tools if tool is not None)
        return parts

    def _named_model(self, name: str, path: str) -> ModelPlan | None:
        if (found := self.outer.models.get(name)) is None:
            known = ", ".join(self.outer.models) or "none"
            self.outer._problem("unknown_model", f"There is no model {name} under `models`. There are: {known}.", path, self.id)
        return found

    def _tool(self) -> dict[str, Any]:
        tool = self.outer._tool(self.model.tool, f"{self.place}.tool", self.id)
        schema = self.model.output if self.model.output is not None else (tool.output if tool else None)
        parts = self._call(self.model, schema or None)
        parts["tool"] = tool
        if tool is not None and self.model.expects is None and tool.input:
            parts["expects"] = contract(tool.input)
        rungs = [Rung()]
        for index, fallback in enumerate(self.model.fallback):
            if fallback.step is None:
                path = f"{self.place}.fallback[{index}].model"
                self.outer._problem("bad_fallback", "A tool step falls back to another step, not to a model.", path, self.id)
            else:
                rungs.append(Rung(step=fallback.step))
        parts["rungs"] = tuple(rungs)
        return parts

    def _branch(self) -> dict[str, Any]:
        cases = [self._condition(case.when, f"cases[{index}].when") for index, case in enumerate(self.model.cases)]
        return {"cases": tuple(case for case in cases if case is not None)}

    def _set(self) -> dict[str, Any]:
        value = self._value(self.model.values, "values")
        declared = self.outer._schema(self.model.output, f"{self.place}.output", self.id)
        inferred = value.schema if value else {}
        return {"values": value, "output": contract(declared) if declared else None, "output_schema": declared or inferred}

    def _human(self) -> dict[str, Any]:
        form = self.outer._schema(self.model.form, f"{self.place}.form", self.id) or {"type": "object"}
        return {
            "values": self._value(self.model.values, "values"),
            "show": self._value(self.model.show, "show"),
            "output": contract(form),
            "output_schema": schema_of_human(form, self.model.actions),
        }

    def _end(self) -> dict[str, Any]:
        outcome = self.outer.definition.workflow.outcomes.get(self.model.outcome)
        promised = outcome.output if outcome else None
        value = self._value(self.model.output, "output") if self.model.output is not None else None
        return {"values": value, "output": contract(promised) if promised and not check_schema(promised) else None}

    def _loop(self) -> dict[str, Any]:
        model = self.model
        carry = self._value(model.carry, "carry")
        inner = self.outer._sight(self.id)
        update = self._value(model.update, "update", "round", inner) if model.update is not None else None
        until = self._condition(model.until, "until", "round", inner) if model.until is not None else None
        progress = None
        if model.progress is not None:
            source = model.progress if model.progress.startswith("${") else "${" + model.progress + "}"
            progress = self._value(source, "progress", "round", inner)
            if progress is not None and progress.schema.get("type") not in ("number", "integer", None):
                message = "Progress has to be a number: it must be greater than in the round before."
                self.outer._problem("progress_type", message, f"{self.place}.progress", self.id)
        output = self._value(model.output, "output", "leave", inner) if model.output is not None else None
        schema = output.schema if output else inner.get("carry", {})
        loop = Loop(carry, update, until, progress, output, inner.get("carry", {}))
        return {"loop": loop, "output_schema": schema}


def own_tool(name: str, own: Any) -> Tool:
    """A workflow's own HTTP tool as a `Tool`."""
    def template(call: Any) -> HttpTemplate | None:
        return HttpTemplate(call.method, call.url, tuple(call.headers.items()), call.body) if call else None

    return Tool(
        name=name,
        kind="http",
        effect=own.effect,
        input=own.input,
        output=own.output,
        title=own.title,
        description=own.description,
        http=template(own.http),
        timeout=own.timeout,
        reconcile=template(own.reconcile),
    )
