"""Random workflows and inputs out of a seed. Each is sound by the way it is made: what a step reads was written on every way to
it.

A level is a row of blocks, each of which leads to the next: a model, a tool of any effect class, a branch whose arms meet again,
a loop, a person, a computed value, a map, a parallel. Failures are caught or not, and lead to the next block, to an end, or out
of the loop or the item.

What depends on who was first is not read: what some arms of several gave. Which of several items failed first is not known
either, so whatever a map or a parallel fails with is caught, or nothing is. And each call has a place of its own in its run.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

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
LARGE = 50
"""Items of a large map."""
_PLAIN = ("llm", "llm", "tool", "tool", "tool", "branch", "set")
_MORE = {"": ("human", "loop", "map", "map", "parallel"), "loop": ("map",), "map": ("loop", "parallel"), "parallel": ("map",)}
"""What else a level may hold, by what it is the body of."""


class At(NamedTuple):
    """Where a level stands: in the body of what, what tells its calls from those of its other rounds and items, and in how many
    child runs, one inside of the other."""

    inside: str = ""
    round: str = "0"
    depth: int = 0

    @property
    def kinds(self) -> Sequence[str]:
        return _PLAIN if self.depth > (self.inside != "loop") else (*_PLAIN, *_MORE[self.inside])


def definition(seed: int, number: int, tools: str) -> Data:
    """The workflow of this number. `tools`: the address of the server where its tools are."""
    return _Draft(Random(f"{seed}/{number}"), tools, number % 3 == 0).finished(f"chaos_{number}")


def given(seed: int, run: int) -> Data:
    """The input of a run, by its number."""
    chance = Random(f"{seed}/input/{run}")
    return {"run": run, "a": chance.randrange(20), "b": chance.randrange(20)}


class _Draft:
    def __init__(self, chance: Random, tools: str, race: bool) -> None:
        """`race`: it begins with arms of which the first that is done ends the others."""
        self.chance, self.tools, self.race = chance, tools, race
        self.steps: list[Data] = []
        self.count = 0
        self.ends: set[str] = set()
        self.sure = 0
        """How many of the known values of a body are there at the end of each round or item: those before the first way there."""
        self.given: list[str] = []
        """The maps and parallels of the root that have given something on every way to its end."""

    def finished(self, name: str) -> Data:
        known = ["run.input.a", "run.input.b"]
        blocks = self.chance.randint(3, MOST_BLOCKS)
        start, self.steps = self.level(blocks, "done", known, At())
        output = {"total": " + ".join(known)} | {name: f"steps.{name}" for name in self.given}
        output = {name: f"${{{value}}}" for name, value in output.items()}
        self.steps.append({"id": "done", "type": "end", "outcome": "good", "output": output})
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
        models = {step["model"] for step in _all(self.steps) if "model" in step}
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

    def level(self, blocks: int, after: str, known: list[str], at: At, kinds: Sequence[str] = ()) -> tuple[str, list[Data]]:
        """So many blocks in a row, and where they begin. `known` grows by what is written on every way through them."""
        chosen = [self.chance.choice(kinds or at.kinds) for _ in range(blocks)]
        if self.race and at == At():
            chosen[0] = "parallel"
        names = [self.name(kind) for kind in chosen]
        found: list[Data] = []
        for kind, name, to in zip(chosen, names, [*names[1:], after], strict=True):
            make: Callable[[str, str, list[str], At], list[Data]] = getattr(self, kind)
            found += make(name, to, known, at)
        return names[0], found

    def body(self, blocks: int, within: list[str], at: At, kinds: Sequence[str] = ()) -> tuple[list[Data], list[str]]:
        """The body of a container, and what of its own it knows at each of its ends."""
        first, before, self.sure = len(within), self.sure, 1_000
        _, found = self.level(blocks, "continue", within, at, kinds)
        sure, self.sure = self.sure, before
        return [_without(step, "next", "continue") for step in found], within[first:sure]

    def place(self, name: str, known: list[str], at: At) -> Data:
        seen = " + ".join(self.chance.sample(known, min(len(known), 2)))
        return {"run": "${run.input.run}", "step": name, "round": _value(at.round), "seen": f"${{{seen}}}"}

    def away(self, to: str, known: list[str], at: At) -> str:
        """Where a failure, or a branch, leads: on, or elsewhere."""
        elsewhere = {"": ["sorry"], "loop": ["break", "continue"]}.get(at.inside, ["continue"])
        target = self.chance.choice([to, *elsewhere])
        self.ends |= {target} & {"sorry"}
        if target == "continue":
            self.sure = min(self.sure, len(known))
        return target

    def caught(self, step: Data, to: str, known: list[str], gives: str, at: At, codes: Sequence[str] = ()) -> Data:
        """With catches or without. What it gives is known after it where no catch leads to the next block."""
        catches: list[Data] = []
        if codes and self.chance.random() < 0.4:
            catches.append({"errors": [self.chance.choice(codes)], "to": self.away(to, known, at)})
        if self.chance.random() < 0.6:
            catches.append({"errors": ["*"], "to": self.away(to, known, at)})
        if gives and all(each["to"] != to for each in catches):
            known.append(gives)
        return {**step, "catch": catches} if catches else step

    # blocks

    def llm(self, name: str, to: str, known: list[str], at: At) -> list[Data]:
        step: Data = {
            "id": name, "type": "llm", "model": "main", "input": self.place(name, known, at), "output": OUTPUT,
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
        return [self.caught(step, to, known, f"steps.{name}.score", at, ["invalid_output", "auth", "refused"]), *more]

    def tool(self, name: str, to: str, known: list[str], at: At) -> list[Data]:
        effect = self.chance.choice(EFFECTS)
        step: Data = {
            "id": name, "type": "tool", "tool": effect, "input": self.place(name, known, at), "timeout": "4s",
            "retry": ONCE if effect == "irreversible" else RETRY, "output": RECEIPT, "next": to,
        }  # fmt: skip
        return [self.caught(step, to, known, f"steps.{name}.value", at, ["not_found", "refused", "invalid_output"])]

    def branch(self, name: str, to: str, known: list[str], at: At) -> list[Data]:
        """Two arms and a third way; the arms meet at the next block."""
        arms: list[Data] = []
        cases: list[Data] = []
        for _ in range(2):
            of = self.chance.choice(["set", "tool"])
            arm = self.name(of)
            arms += getattr(self, of)(arm, to, list(known), at)
            cases.append({"when": self.condition(known), "to": arm})
        return [{"id": name, "type": "branch", "cases": cases, "default": self.away(to, known, at)}, *arms]

    def condition(self, known: list[str]) -> Any:
        one, other = (self.chance.choice(known) for _ in range(2))
        plain = f"({one}) % 3 == {self.chance.randrange(3)}"
        both = f"{one} >= {self.chance.randrange(8)} && {other} < {self.chance.randint(3, 15)}"
        return self.chance.choice([plain, both, {"any": [plain, {"not": both}]}])

    def set(self, name: str, to: str, known: list[str], at: At) -> list[Data]:
        one, other = (self.chance.choice(known) for _ in range(2))
        values = {"value": f"${{({one} * 3 + {other}) % 17}}", "round": _value(at.round)}
        known.append(f"steps.{name}.value")
        return [{"id": name, "type": "set", "values": values, "next": to}]

    def human(self, name: str, to: str, known: list[str], at: At) -> list[Data]:
        self.ends.add("declined")
        actions = [{"id": "accept", "label": "Accept", "to": to}, {"id": "decline", "label": "Decline", "to": "declined"}]
        step = {
            "id": name, "type": "human", "form": FORM, "values": {"amount": 1}, "show": self.place(name, known, at),
            "actions": [*actions[:1], {**actions[0], "id": "again", "label": "Accept, too"}, *actions[1:]], "queue": "chaos",
            "deadline": "1d", "on_deadline": "declined",
        }  # fmt: skip
        known.append(f"steps.{name}.values.amount")
        return [step]

    def loop(self, name: str, to: str, known: list[str], at: At) -> list[Data]:
        within = [*known, "carry.total", "iter.index"]
        inner = At("loop", "iter.index" if at.round == "0" else f"{at.round} * 10 + iter.index", at.depth)
        body, sure = self.body(self.chance.randint(1, 2), within, inner)
        grown = " + ".join(["carry.total", "iter.index", *sure])
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
                step["on_stalled"] = self.away(to, known, at)
        if self.chance.random() < 0.3:
            step["output"] = {"total": "${carry.total + 1}"}
        return [self.caught(step, to, known, f"steps.{name}.total", at, ["limit", "not_found"])]

    # child runs

    def map(self, name: str, to: str, known: list[str], at: At) -> list[Data]:
        """Over a few items, or many that call nobody. An item's index is its place; where that is not enough, the item is."""
        large = at == At() and self.chance.random() < 0.1
        many = LARGE if large else self.chance.randint(2, 3 if at.inside else 6)
        alone = at.round == "0"
        items = [f"({self.chance.choice(known)} + {n}) % 20" if alone else f"({at.round}) * 10 + {n}" for n in range(many)]
        within = [*_outside(known), "item", "index"]
        inner = At("map", "index" if alone else "item", at.depth + 1)
        how = self.chance.choice(["fail", "skip", "collect"])
        step: Data = {
            "id": name, "type": "map", "over": f"${{[{', '.join(items)}]}}", "max_items": many, "on_item_error": how,
            "concurrency": 10 if large else self.chance.randint(1, 3), "next": to,
        }  # fmt: skip
        step |= self.gives(1 if large else self.chance.randint(1, 2), within, inner, ["set"] if large else ())
        if how != "fail" and self.chance.random() < 0.4:
            step["need"] = self.chance.choice([1, many - 1, "50%"])
        one = f"steps.{name}[{self.chance.randrange(many)}].value"
        return self.kept(step, to, known, one if how == "fail" and "output" in step else f"size(steps.{name})", at)

    def parallel(self, name: str, to: str, known: list[str], at: At) -> list[Data]:
        inner, race, self.race = At("parallel", at.round, at.depth + 1), self.race, False
        arms = [
            {"id": self.name("arm"), **self.gives(self.chance.randint(1, 2), _outside(known), inner, ("llm", "tool") * race)}
            for _ in range(self.chance.randint(2, 2 if at.inside else 3))
        ]
        join = "any" if race else self.chance.choice(["all", "all", "any", len(arms) - 1, len(arms)])
        sure = [arm["id"] for arm in arms if "output" in arm] if join in ("all", len(arms)) else []
        step: Data = {"id": name, "type": "parallel", "branches": arms, "join": join, "next": to}
        return self.kept(step, to, known, f"steps.{name}.{self.chance.choice(sure)}.value" if sure else "", at)

    def gives(self, blocks: int, within: list[str], at: At, kinds: Sequence[str] = ()) -> Data:
        """The body of an item or an arm, and what it gives: else what its last step gave, where that is certain."""
        around = self.chance.choice(within)
        body, sure = self.body(blocks, within, at, kinds)
        if self.chance.random() < 0.3 and all(step["type"] != "parallel" for step in body):
            return {"body": body}
        return {"body": body, "output": {"value": f"${{({' + '.join([around, *sure])}) % 50}}"}}

    def kept(self, step: Data, to: str, known: list[str], gives: str, at: At) -> list[Data]:
        found = self.caught(step, to, known, gives, at)
        if at == At() and gives and known[-1] == gives:
            self.given.append(step["id"])
        return [found]


def _outside(known: list[str]) -> list[str]:
    """What of it a child run sees: not what only the round around it can see."""
    return [each for each in known if not each.startswith(("carry.", "iter."))]


def _value(round: str) -> Any:
    return 0 if round == "0" else f"${{{round}}}"


def _without(step: Data, name: str, value: str) -> Data:
    return {key: each for key, each in step.items() if (key, each) != (name, value)}


def _all(steps: list[Data]) -> list[Data]:
    """The steps, and those of their bodies and arms."""
    return [each for step in steps for each in (step, *_all([*step.get("body", []), *step.get("branches", [])]))]
