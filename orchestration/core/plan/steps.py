"""One step of a definition → `PlanStep`. Each `_type` method returns the parts that its type has."""

import json
import re
from dataclasses import field
from typing import TYPE_CHECKING, Any

from orchestration.core import values
from orchestration.core.contract import contract
from orchestration.core.definition import CallStep, HumanStep, LlmStep
from orchestration.core.errors import Refused, Severity
from orchestration.core.expression import Condition, Read, Value, compile_condition, compile_value
from orchestration.core.frozen import dataclass, replace
from orchestration.core.inference import Schema
from orchestration.core.plan.parts import Fan, Loop, ModelPlan, Moment, PlanStep, Rung, Use
from orchestration.core.plan.sight import as_value
from orchestration.core.prompt_text import PromptText, compile_prompt
from orchestration.core.routes import exits
from orchestration.core.wording import did_you_mean, with_stop

if TYPE_CHECKING:
    from orchestration.core.plan.compiler import Compiler

_NO_INPUT: Schema = {"type": "object", "properties": {}, "additionalProperties": False}
_NO_TOOL = "There is none to choose."
_UNPRINTED = {"title", "note", "body", "branches"}
"""Keys that change nothing in what a step does, or have fingerprints of their own."""


_STEP = re.compile(r"\bsteps\.([a-z][a-z0-9_]*)")


def _mentioned(source: Any) -> tuple[Read, ...]:
    """The steps that a text names which could not be compiled, as far as they are plain to see."""
    return tuple(Read(("steps", name), True) for name in dict.fromkeys(_STEP.findall(json.dumps(source))))


def _is_unfinished(source: Any) -> bool:
    return isinstance(source, str) and not source.strip()


def compile_step(outer: "Compiler", name: str) -> PlanStep:
    place, model, level = outer.places[name]
    return _Step(outer, name, place, model, level).compile()


@dataclass
class _Step:
    outer: "Compiler"
    id: str
    place: str
    model: Any
    level: str
    uses: list[Use] = field(default_factory=list)

    def compile(self) -> PlanStep:
        parts = {"output_schema": self.outer.sights.outputs.get(self.id, {}), **getattr(self, f"_{self.model.type}", dict)()}
        expects = self.outer.contract(self.model.expects, f"{self.place}.expects", self.id)
        parts["expects"] = expects or parts.get("expects")
        needs = {read.path[1] for use in self.uses for read in use.reads if read.path[0] == "steps" and len(read.path) > 1}
        return PlanStep(
            id=self.id,
            type=self.model.type,
            place=self.place,
            level=self.level,
            model=self.model,
            exits=exits(self.model, self.place, bool(self.level)),
            uses=tuple(self.uses),
            fingerprint=values.digest(self.model.model_dump(mode="json", by_alias=True, exclude=_UNPRINTED)),
            needs=frozenset(needs),
            **parts,
        )

    @property
    def sight(self) -> dict[str, Any]:
        return self.outer.sights.sight(self.level)

    def _value(self, value: Any, key: str, moment: Moment = "enter", sight: dict[str, Any] | None = None) -> Value | None:
        path = f"{self.place}.{key}"
        built = self.outer.sights.values.get((self.id, key))
        built = built or self.outer.attempt(self.id, compile_value, value, sight or self.sight, path)
        return self._used(built, value, path, moment)

    def _condition(
        self, tree: Any, key: str, words: str, moment: Moment = "enter", sight: dict[str, Any] | None = None
    ) -> Condition | None:
        built = self._holds(tree, key, words, sight or self.sight)
        return self._used(built, tree, f"{self.place}.{key}", moment)

    def _holds(self, tree: Any, key: str, words: str, sight: dict[str, Any]) -> Condition | None:
        """`words`: what has this condition, as a sentence begins with it."""
        if _is_unfinished(tree):
            self._unfinished(f"{words} has no condition yet. Say when it holds.", key)
            return None
        return self.outer.attempt(self.id, compile_condition, tree, sight, f"{self.place}.{key}")

    def _unfinished(self, message: str, key: str, severity: Severity = "error") -> None:
        """What a draft may lack, and a version may not, or had better not."""
        self.outer.problem("unfinished", message, f"{self.place}.{key}", self.id, severity)

    def _used(self, built: Any, source: Any, path: str, moment: Moment) -> Any:
        reads = tuple(built.reads) if built is not None else _mentioned(source)
        if reads:
            self.uses.append(Use(path, moment, reads, broken=built is None))
        return built

    def _call(self, model: CallStep, output: Schema | None) -> dict[str, Any]:
        """The parts that `llm` and `tool` share."""
        given = self._value(model.input, "input") if model.input else None
        if model.output is not None:
            output = self.outer.schema(model.output, f"{self.place}.output", self.id)
        own = {"input": self._given(given), "output": output or {}}
        checks = [
            self._holds(check.that, f"checks[{index}].that", f"Check {index + 1} of {model.label}", own)
            for index, check in enumerate(model.checks)
        ]
        return {
            "input": given,
            "output": contract(output) if output and (model.output is not None or self.model.type == "tool") else None,
            "checks": tuple(check for check in checks if check is not None),
        }

    def _given(self, value: Value | None) -> Schema:
        """What the step's own texts may read. Of an input that could not be compiled, the names are known."""
        if value is None and self.model.input:
            names = list(self.model.input)
            return {**_NO_INPUT, "properties": {name: {} for name in names}, "required": names}
        return dict(value.schema) if value else _NO_INPUT

    def _llm(self) -> dict[str, Any]:
        model: LlmStep = self.model
        parts = self._call(model, self.outer.sights.outputs[self.id])
        given = self._given(parts["input"])
        for key in ("prompt", "system"):
            parts[key] = self._prompt(getattr(model, key), given, f"{self.place}.{key}")
        if not (model.prompt.strip() or model.system.strip()):
            self._unfinished(f"{model.label} asks nothing yet. Write its prompt.", "prompt", "warning")
        first = self._named_model(model.model, f"{self.place}.model")
        rungs = [Rung(model=first)] if first else []
        for index, fallback in enumerate(model.fallback):
            if fallback.step is not None:
                rungs.append(Rung(step=fallback.step))
            elif found := self._named_model(str(fallback.model), f"{self.place}.fallback[{index}].model"):
                rungs.append(Rung(model=found))
        tools = [self.outer.tool(name, f"{self.place}.tools[{index}]", self.id) for index, name in enumerate(model.tools)]
        return {**parts, "rungs": tuple(rungs), "tools": tuple(tool for tool in tools if tool is not None)}

    def _prompt(self, text: str, given: Schema, path: str) -> PromptText | None:
        """The prompt; its problems with their lines in the document, or, where it stands otherwise there, in the text."""
        try:
            return compile_prompt(text, given, path)
        except Refused as refused:
            for problem in refused.problems:
                line = self.outer.definition.source.line_of_text(path, problem.line or 1)
                inside = line is None and problem.line is not None and "\n" in text.strip("\n")
                message = f"line {problem.line} of this text: {problem.message}" if inside else problem.message
                self.outer.problems.append(replace(problem, message=message, line=line, step=self.id))
            return None

    def _named_model(self, name: str, path: str) -> ModelPlan | None:
        if (found := self.outer.models.get(name)) is None:
            hint = did_you_mean(name, self.outer.models) or "; there is none yet"
            self.outer.problem("unknown_model", with_stop(f"There is no model {name} under `models`{hint}"), path, self.id)
        return found

    def _tool(self) -> dict[str, Any]:
        tool = self.outer.tool(self.model.tool, f"{self.place}.tool", self.id) if self.model.tool else None
        if not self.model.tool:
            there = bool(self.outer.tools or self.outer.catalog.tools)
            what = "Choose one." if there else f"{_NO_TOOL} Add one to the workflow’s own in its settings, or to those of all."
            self._unfinished(f"{self.model.label} calls no tool yet. {what}", "tool")
        parts = self._call(self.model, tool.output if tool else None)
        rungs = [Rung()]
        for index, fallback in enumerate(self.model.fallback):
            if fallback.step is not None:
                rungs.append(Rung(step=fallback.step))
            else:
                path = f"{self.place}.fallback[{index}].model"
                message = "A tool falls back to another step, not to a model. Name a step."
                self.outer.problem("bad_fallback", message, path, self.id)
        expects = contract(tool.input) if tool and tool.input else None
        return {**parts, "tool": tool, "rungs": tuple(rungs), "expects": expects}

    def _branch(self) -> dict[str, Any]:
        cases = [
            self._condition(case.when, f"cases[{index}].when", f"{case.label or f'Case {index + 1}'} of {self.model.label}")
            for index, case in enumerate(self.model.cases)
        ]
        return {"cases": tuple(case for case in cases if case is not None)}

    def _set(self) -> dict[str, Any]:
        declared = self.outer.schema(self.model.output, f"{self.place}.output", self.id)
        return {"values": self._value(self.model.values, "values"), "output": contract(declared) if declared else None}

    def _human(self) -> dict[str, Any]:
        model: HumanStep = self.model
        form = self.outer.schema(model.form, f"{self.place}.form", self.id)
        if not (model.title or model.note or model.show or model.form.get("properties")):
            message = f"{model.label} shows and asks nothing yet. Give it a title, something to show, or a form."
            self._unfinished(message, "show", "warning")
        if not model.on_deadline:
            self._unfinished(f"{model.label} leads nowhere yet if nobody answers in time. Choose where.", "on_deadline")
        return {
            "values": self._value(self.model.values, "values"),
            "show": self._value(self.model.show, "show"),
            "output": contract(form or {"type": "object"}),
        }

    def _wait(self) -> dict[str, Any]:
        """`values` is the moment, or the correlation."""
        key = "until" if self.model.until is not None else "correlation"
        return {
            "values": self._value(getattr(self.model, key), key),
            "output": self.outer.contract(self.model.output, f"{self.place}.output", self.id),
        }

    def _end(self) -> dict[str, Any]:
        promised = self.outer.outcomes.get(self.model.outcome)
        value = self._value(self.model.output, "output") if self.model.output is not None else None
        return {"values": value, "output": contract(promised) if promised else None}

    def _loop(self) -> dict[str, Any]:
        model = self.model
        inner = self.outer.sights.sight(self.id)
        loop = Loop(
            carry=self._value(model.carry, "carry"),
            update=self._value(model.update, "update", "round", inner) if model.update is not None else None,
            until=self._until(model, inner) if model.until is not None else None,
            progress=self._progress(model.progress, inner) if model.progress is not None else None,
            output=self._value(model.output, "output", "leave", inner) if model.output is not None else None,
            carry_schema=self.outer.sights.carries.get(self.id, {}),
        )
        return {"loop": loop}

    def _map(self) -> dict[str, Any]:
        if _is_unfinished(self.model.over):
            self._unfinished(f"{self.model.label} goes over nothing yet. Pick a list.", "over")
            return {"fan": Fan(over=None), **self._arm()}
        over = self._value(as_value(self.model.over), "over")
        if over is not None and over.schema.get("type") not in ("array", None):
            message = f"{self.model.label} goes over what is no list. Name a list, as ${{run.input.items}}."
            self.outer.problem("over_no_list", message, f"{self.place}.over", self.id)
        return {"fan": Fan(over=over), **self._arm()}

    def _arm(self) -> dict[str, Any]:
        inner = self.outer.sights.sight(self.id)
        return {"gives": self._value(self.model.output, "output", "leave", inner) if self.model.output is not None else None}

    def _parallel(self) -> dict[str, Any]:
        return {"fan": Fan(arms=tuple(arm.id for arm in self.model.branches))}

    def _workflow(self) -> dict[str, Any]:
        ref = self.model.workflow
        called = self.outer.catalog.workflows.get(ref)
        if not ref:
            self._unfinished(f"{self.model.label} runs no workflow yet. Choose one, and its version.", "workflow")
        elif called is None:
            name, _, number = ref.partition("@")
            message = f"There is no version {number} of a workflow {name}. Publish it first, or name one that there is."
            self.outer.problem("unknown_workflow", message, f"{self.place}.workflow", self.id)
        elif called.retired is not None:
            message = f"{called.retired.sentence(called.workflow)} Call another workflow, or have it taken back."
            self.outer.problem("retired_workflow", message, f"{self.place}.workflow", self.id)
        given = self._value(self.model.input, "input")
        return {"fan": Fan(called=called), "input": given, "expects": contract(called.input) if called else None}

    def _until(self, model: Any, inner: dict[str, Any]) -> Condition | None:
        return self._condition(model.until, "until", f"“Done when” of {model.label}", "round", inner)

    def _progress(self, source: str, inner: dict[str, Any]) -> Value | None:
        found = self._value(as_value(source), "progress", "round", inner)
        if found is not None and found.schema.get("type") not in ("number", "integer", None):
            message = "Progress has to be a number: it must be greater than in the round before."
            self.outer.problem("progress_type", message, f"{self.place}.progress", self.id)
        return found
