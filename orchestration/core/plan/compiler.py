"""The whole of a definition → `Plan`: names, schemas and the order in which things are compiled."""

import json
import re
from collections.abc import Callable
from typing import Any

from orchestration.core.catalog import Catalog, HttpTemplate, Price, Tool
from orchestration.core.contract import Contract, check_schema, contract
from orchestration.core.definition import CONTAINERS, Definition
from orchestration.core.errors import Problem, Refused
from orchestration.core.expression import compile_value
from orchestration.core.frozen import replace
from orchestration.core.inference import Schema, schema_of_called, schema_of_human, schema_of_moment, text_output
from orchestration.core.plan.parts import ModelPlan, Plan, PlanStep
from orchestration.core.plan.sight import Placed, Sights
from orchestration.core.plan.steps import compile_step
from orchestration.core.wording import did_you_mean, with_stop


def compile_plan(definition: Definition, catalog: Catalog) -> Plan:
    """The plan, with all problems that compiling finds. Costs some tenths of a second for 500 steps: keep it by hash."""
    return Compiler(definition, catalog).compile()


class Compiler:
    def __init__(self, definition: Definition, catalog: Catalog) -> None:
        self.definition, self.workflow, self.catalog = definition, definition.workflow, catalog
        self.problems: list[Problem] = []
        self.places: dict[str, Placed] = {}
        self.levels: dict[str, list[str]] = {"": []}
        self.models: dict[str, ModelPlan] = {}
        self.tools: dict[str, Tool] = {}
        self._found: dict[str, Tool] = {}
        self.outcomes: dict[str, Schema | None] = {}
        self._checked: dict[int, tuple[Problem, ...]] = {}

    def compile(self) -> Plan:
        workflow = self.workflow
        input_schema = self.schema(workflow.input, "input")
        self.outcomes = {name: self.schema(item.output, f"outcomes.{name}.output") for name, item in workflow.outcomes.items()}
        self.models = {name: self._model(name, ref) for name, ref in workflow.models.items()}
        self.tools = {name: self._own_tool(name, own) for name, own in workflow.tools.items()}
        self._place(workflow.steps, "steps", "")
        declared = {name: output for name in self.places if (output := self._declared(name)) is not None}
        self.sights = Sights(self.places, self.levels, input_schema or {}, declared)
        steps: dict[str, PlanStep] = {name: compile_step(self, name) for name in self.places}
        source = self.definition.source
        located = tuple(replace(p, line=p.line or source.line(p.path)) for p in dict.fromkeys(self.problems))
        usable = contract(input_schema) if input_schema is not None else None
        levels = {level: tuple(names) for level, names in self.levels.items()}
        level_of = {name: level for name, (_, _, level) in self.places.items()}
        return Plan(self.definition, self.catalog, steps, levels, level_of, self.models, usable, located)

    def _place(self, steps: tuple[Any, ...], path: str, level: str) -> None:
        self.levels.setdefault(level, [])
        for index, step in enumerate(steps):
            place = f"{path}[{index}]"
            if step.id in self.places:
                message = (
                    f"The id {step.id} stands twice. Ids are the only references: rename one. What else there is shows then."
                )
                self.problem("duplicate_id", message, f"{place}.id", step.id)
                continue
            self.places[step.id] = (place, step, level)
            self.levels[level].append(step.id)
            for key in ("body", "branches"):
                if inner := getattr(step, key, None):
                    self._place(inner, f"{place}.{key}", step.id)

    def _declared(self, name: str) -> Schema | None:
        """What a step gives by its own declaration or its type, None where that has to be inferred."""
        _, step, _ = self.places[name]
        if step.type == "human":
            return schema_of_human(self.usable(step.form) or {}, step.actions)
        if step.type == "llm":
            return text_output() if step.output is None else self.usable(step.output) or {}
        if step.type == "tool":
            tool = self.find_tool(step.tool)
            return self.usable(step.output if step.output is not None else tool.output if tool else None) or {}
        if step.type in CONTAINERS or (step.type == "set" and step.output is None):
            return None
        if step.type == "workflow":
            return schema_of_called(self.catalog.workflows.get(step.workflow))
        if step.type == "wait" and step.until is not None:
            return schema_of_moment()
        return (self.usable(step.output) or {}) if step.type in ("set", "wait") else {}

    # problems

    def problem(self, code: str, message: str, path: str, step: str | None = None, severity: Any = "error") -> None:
        self.problems.append(Problem(code, message, path, step, severity))

    def attempt(self, step: str | None, build: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """What `build` gives, or None with its problems noted down against `step`."""
        try:
            return build(*args, **options)
        except Refused as refused:
            self.problems.extend(replace(problem, step=problem.step or step) for problem in refused.problems)
            return None

    # schemas

    def schema(self, schema: Schema | None, path: str, step: str | None = None) -> Schema | None:
        """The schema if it may be used; what is wrong with it is noted down."""
        if schema is None:
            return None
        for problem in self._check(schema):
            place = path + ("" if problem.path.startswith("[") or not problem.path else ".") + problem.path
            self.problems.append(replace(problem, step=step, path=place))
        return self.usable(schema)

    def contract(self, schema: Schema | None, path: str, step: str) -> Contract | None:
        checked = self.schema(schema, path, step)
        return contract(checked) if checked else None

    def usable(self, schema: Schema | None) -> Schema | None:
        """The schema, None where it is wrong or missing. Its problems are noted down where it stands."""
        if schema is None or any(problem.severity == "error" for problem in self._check(schema)):
            return None
        return schema

    def _check(self, schema: Schema) -> tuple[Problem, ...]:
        """Each schema object is checked once. The paths are relative to it."""
        if id(schema) not in self._checked:
            self._checked[id(schema)] = check_schema(schema)
        return self._checked[id(schema)]

    # names outside the definition

    def _model(self, name: str, ref: Any) -> ModelPlan:
        path = f"models.{name}"
        facts = self.catalog.providers.get(ref.provider)
        if facts is None:
            hint = did_you_mean(ref.provider, self.catalog.providers) or "; there is none yet"
            self.problem("unknown_provider", with_stop(f"There is no provider {ref.provider}{hint}"), f"{path}.provider")
            return ModelPlan(name, ref.provider, "", ref.model or "", ref.params, None)
        model = ref.model or facts.default_model
        if not model:
            self.problem("model_missing", f"{ref.provider} has no default model. Name one here.", path)
        price = facts.price(model)
        if ref.usd_per_mtok_in is not None and ref.usd_per_mtok_out is not None:
            price = Price(ref.usd_per_mtok_in, ref.usd_per_mtok_out)
        return ModelPlan(name, ref.provider, facts.protocol, model, ref.params, price)

    def _own_tool(self, name: str, own: Any) -> Tool:
        path = f"tools.{name}"
        tool = replace(
            own_tool(name, own),
            input=self.schema(own.input, f"{path}.input") or {},
            output=self.schema(own.output, f"{path}.output") or {},
        )
        for key, call in (("http", own.http), ("reconcile", own.reconcile)):
            if call is not None:
                self._template(tool, call, f"{path}.{key}")
        return tool

    def _template(self, tool: Tool, call: Any, path: str) -> None:
        """A template reads the tool's input, the call's key, and secrets by name: whether they are there is for the proof."""
        parts: list[tuple[str, Any]] = [("url", call.url), ("body", call.body)]
        parts += [(f"headers.{header}", text) for header, text in call.headers.items()]
        for key, part in parts:
            secrets = {name: {"type": "string"} for name in secret_names(part)}
            sight = {
                "input": tool.input,
                "key": {"type": "string"},
                "secrets": {"type": "object", "properties": secrets, "required": list(secrets)},
            }
            self.attempt(None, compile_value, part, sight, f"{path}.{key}")

    def find_tool(self, name: str) -> Tool | None:
        if name not in self._found and (found := self.tools.get(name) or self.catalog.tools.get(name)) is not None:
            usable = replace(found, input=self.usable(found.input) or {}, output=self.usable(found.output) or {})
            self._found[name] = usable
        return self._found.get(name)

    def tool(self, name: str, path: str, step: str) -> Tool | None:
        found = self.find_tool(name)
        if found is None:
            hint = did_you_mean(name, [*self.tools, *self.catalog.tools]) or "; there is none yet"
            self.problem("unknown_tool", with_stop(f"There is no tool {name}{hint}"), path, step)
        return found


_SECRET = re.compile(r"\bsecrets\.([A-Za-z][A-Za-z0-9_]{0,63})")


def secret_names(template: Any) -> list[str]:
    """The secrets that a template names."""
    return sorted(set(_SECRET.findall(json.dumps(template))))


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
