"""Random workflows and inputs out of a seed. Each is sound by the way it is made: what a step reads was written on every way to
it.

A level is a row of blocks, each of which leads to the next: a model, a tool of any effect class, a branch whose arms meet again,
a loop, a person, a computed value. Failures are caught or not, and lead to the next block, to an end, or out of the loop.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from tests.chaos.answers import EFFECTS, LABELS

Data = dict[str, Any]

OUTPUT = {
    "type": "object",
    "required": ["label", "score"],
    "properties": {"label": {"enum": list(LABELS)}, "score": {"type": "integer", "minimum": 0, "maximum": 9}},
}
RECEIPT = {
    "type": "object",
    "required": ["value", "receipt"],
    "properties": {"value": {"type": "integer"}, "receipt": {"type": "string"}},
}
PLACE = {
    "type": "object",
    "required": ["run", "step", "round", "seen"],
    "properties": {
        "run": {"type": "integer"}, "step": {"type": "string"}, "round": {"type": "integer"}, "seen": {"type": "integer"},
    },
}  # fmt: skip
FORM = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}
INPUT = {
    "type": "object",
    "required": ["run", "a", "b"],
    "properties": {"run": {"type": "integer"}, "a": {"type": "integer"}, "b": {"type": "integer"}},
}
RETRY = {"attempts": 8, "backoff": "100ms", "factor": 1.5, "max_backoff": "1s"}
"""Many more than there are troubles, so that what is slow on a busy machine changes no course."""
ONCE = {**RETRY, "errors": ["rate_limited"]}
"""Of what can't be undone: after anything else it may have happened."""
MOST_BLOCKS = 5


def definition(seed: int, number: int, tools: str) -> Data:
    """The workflow of this number. `tools`: the address of the server where its tools are."""
    return _Draft(Random(f"{seed}/{number}"), tools).finished(f"chaos_{number}")


def given(seed: int, run: int) -> Data:
    """The input of a run, by its number."""
    chance = Random(f"{seed}/input/{run}")
    return {"run": run, "a": chance.randrange(20), "b": chance.randrange(20)}


class _Draft:
    def __init__(self, chance: Random, tools: str) -> None:
        self.chance, self.tools = chance, tools
        self.steps: list[Data] = []
        self.count = 0
        self.ends: set[str] = set()
        self.sure = 0
        """How many of the known values of a loop's body are there at the end of each round: those before the first way there."""

    def finished(self, name: str) -> Data:
        known = ["run.input.a", "run.input.b"]
        blocks = self.chance.randint(3, MOST_BLOCKS)
        start, self.steps = self.level(blocks, "done", known, False)
        total = " + ".join(known)
        self.steps.append({"id": "done", "type": "end", "outcome": "good", "output": {"total": f"${{{total}}}"}})
        for end in sorted(self.ends):
            outcome = {"sorry": "bad", "declined": "handed"}[end]
            output = {"a": "${run.input.a}"}
            self.steps.append({"id": end, "type": "end", "outcome": outcome, "output": output})
        http = {effect: {"method": "POST", "url": f"{self.tools}/tools/{effect}"} for effect in EFFECTS}
        tools: dict[str, Data] = {
            effect: {"http": http[effect], "effect": effect, "input": PLACE, "output": RECEIPT} for effect in EFFECTS
        }
        tools["reconcilable"]["reconcile"] = {"method": "GET", "url": f"{self.tools}/effects/${{key}}"}
        used = {step.get("tool") for step in _all(self.steps)}
        models = {step.get("model") for step in _all(self.steps)} - {None}
        if models:
            models |= {f["model"] for step in _all(self.steps) for f in step.get("fallback", ()) if "model" in f}
        return {
            "interlock": 1,
            "id": name,
            "input": INPUT,
            "outcomes": {"good": {"kind": "success"}, "handed": {"kind": "success"}, "bad": {"kind": "failure"}},
            "on_failure": "bad",
            "escalation": {"queue": "chaos", "deadline": "1d", "on_deadline": "bad"},
            "models": {model: {"provider": "main", "model": model} for model in sorted(models)},
            "tools": {effect: tool for effect, tool in tools.items() if effect in used},
            "start": start,
            "steps": self.steps,
        }

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def level(self, blocks: int, after: str, known: list[str], inside: bool) -> tuple[str, list[Data]]:
        """So many blocks in a row, and where they begin. `known` grows by what is written on every way through them."""
        kinds = ["llm", "llm", "tool", "tool", "tool", "branch", "set", "human", "loop"][: 7 if inside else 9]
        chosen = [self.chance.choice(kinds) for _ in range(blocks)]
        names = [self.name(kind) for kind in chosen]
        found: list[Data] = []
        for kind, name, to in zip(chosen, names, [*names[1:], after], strict=True):
            make: Callable[[str, str, list[str], bool], list[Data]] = getattr(self, kind)
            found += make(name, to, known, inside)
        return names[0], found

    def place(self, name: str, known: list[str], inside: bool) -> Data:
        seen = " + ".join(self.chance.sample(known, min(len(known), 2)))
        return {"run": "${run.input.run}", "step": name, "round": "${iter.index}" if inside else 0, "seen": f"${{{seen}}}"}

    def away(self, to: str, known: list[str], inside: bool) -> str:
        """Where a failure, or a branch, leads: on, or elsewhere."""
        elsewhere = ["break", "continue"] if inside else ["sorry"]
        target = self.chance.choice([to, *elsewhere])
        self.ends |= {target} & {"sorry"}
        if target == "continue":
            self.sure = min(self.sure, len(known))
        return target

    def caught(self, step: Data, to: str, known: list[str], gives: str, inside: bool, codes: list[str]) -> Data:
        """With catches or without. What it gives is known after it where no catch leads to the next block."""
        catches: list[Data] = []
        if self.chance.random() < 0.4:
            catches.append({"errors": [self.chance.choice(codes)], "to": self.away(to, known, inside)})
        if self.chance.random() < 0.6:
            catches.append({"errors": ["*"], "to": self.away(to, known, inside)})
        if all(each["to"] != to for each in catches):
            known.append(gives)
        return {**step, "catch": catches} if catches else step

    # blocks

    def llm(self, name: str, to: str, known: list[str], inside: bool) -> list[Data]:
        step: Data = {
            "id": name, "type": "llm", "model": "main", "input": self.place(name, known, inside), "output": OUTPUT,
            "prompt": "place={{ run }}/{{ step }}/{{ round }}/{{ seen }}", "max_output_tokens": 200, "timeout": "6s",
            "retry": RETRY, "repair": {"attempts": self.chance.randint(0, 2)}, "next": to,
        }  # fmt: skip
        if self.chance.random() < 0.3:
            step["checks"] = [{"that": "output.score > 1 || input.round > 1", "else": "The score is too low"}]
        more: list[Data] = []
        fallback = self.chance.choice(["", "model", "step", "both"])
        if fallback in ("model", "both"):
            step["fallback"] = [{"model": "small"}]
        if fallback in ("step", "both"):
            plain = self.name("plain")
            step.setdefault("fallback", []).append({"step": plain})
            more.append({"id": plain, "type": "set", "values": {"label": "low", "score": self.chance.randrange(10)}, "next": to})
        return [self.caught(step, to, known, f"steps.{name}.score", inside, ["invalid_output", "auth", "refused"]), *more]

    def tool(self, name: str, to: str, known: list[str], inside: bool) -> list[Data]:
        effect = self.chance.choice(EFFECTS)
        step: Data = {
            "id": name, "type": "tool", "tool": effect, "input": self.place(name, known, inside), "timeout": "4s",
            "retry": ONCE if effect == "irreversible" else RETRY, "output": RECEIPT, "next": to,
        }  # fmt: skip
        return [self.caught(step, to, known, f"steps.{name}.value", inside, ["not_found", "refused", "invalid_output"])]

    def branch(self, name: str, to: str, known: list[str], inside: bool) -> list[Data]:
        """Two arms and a third way; the arms meet at the next block."""
        arms: list[Data] = []
        cases: list[Data] = []
        for _ in range(2):
            of = self.chance.choice(["set", "tool"])
            arm = self.name(of)
            arms += getattr(self, of)(arm, to, list(known), inside)
            cases.append({"when": self.condition(known), "to": arm})
        return [{"id": name, "type": "branch", "cases": cases, "default": self.away(to, known, inside)}, *arms]

    def condition(self, known: list[str]) -> Any:
        one, other = (self.chance.choice(known) for _ in range(2))
        plain = f"({one}) % 3 == {self.chance.randrange(3)}"
        both = f"{one} >= {self.chance.randrange(8)} && {other} < {self.chance.randint(3, 15)}"
        return self.chance.choice([plain, both, {"any": [plain, {"not": both}]}])

    def set(self, name: str, to: str, known: list[str], inside: bool) -> list[Data]:
        one, other = (self.chance.choice(known) for _ in range(2))
        values = {"value": f"${{({one} * 3 + {other}) % 17}}", "round": "${iter.index}" if inside else 0}
        known.append(f"steps.{name}.value")
        return [{"id": name, "type": "set", "values": values, "next": to}]

    def human(self, name: str, to: str, known: list[str], inside: bool) -> list[Data]:
        self.ends.add("declined")
        actions = [{"id": "accept", "label": "Accept", "to": to}, {"id": "decline", "label": "Decline", "to": "declined"}]
        step = {
            "id": name, "type": "human", "form": FORM, "values": {"amount": 1}, "show": self.place(name, known, inside),
            "actions": [*actions[:1], {**actions[0], "id": "again", "label": "Accept, too"}, *actions[1:]], "queue": "chaos",
            "deadline": "1d", "on_deadline": "declined",
        }  # fmt: skip
        known.append(f"steps.{name}.values.amount")
        return [step]

    def loop(self, name: str, to: str, known: list[str], inside: bool) -> list[Data]:
        within = [*known, "carry.total", "iter.index"]
        first, self.sure = len(within), 1_000
        _, body = self.level(self.chance.randint(1, 2), "continue", within, True)
        body = [{key: value for key, value in step.items() if (key, value) != ("next", "continue")} for step in body]
        grown = " + ".join(["carry.total", "iter.index", *within[first : self.sure]])
        step: Data = {
            "id": name, "type": "loop", "body": body, "max": self.chance.randint(2, 3),
            "carry": {"total": f"${{{known[0]} + 0}}"}, "update": {"total": f"${{({grown}) % 50}}"}, "next": to,
        }  # fmt: skip
        if self.chance.random() < 0.7:
            step["until"] = f"carry.total >= {self.chance.randint(8, 40)}"
            if self.chance.random() < 0.7:
                step["on_exhausted"] = to
        if self.chance.random() < 0.4:
            step["progress"] = "carry.total"
            if self.chance.random() < 0.7:
                step["on_stalled"] = self.away(to, known, inside)
        if self.chance.random() < 0.3:
            step["output"] = {"total": "${carry.total + 1}"}
        return [self.caught(step, to, known, f"steps.{name}.total", inside, ["limit", "not_found"])]


def _all(steps: list[Data]) -> list[Data]:
    return [each for step in steps for each in (step, *_all(step.get("body", [])))]
