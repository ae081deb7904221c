"""Random workflows and inputs out of a seed. Each is sound by the way it is made: what a step reads was written on every way to
it.

A level is a row of blocks, each of which leads to the next: a model, a tool of any effect class, a branch whose arms meet again,
a loop, a person, a computed value, a map, a parallel, a wait, a called workflow (`parts`). Failures are caught or not, and lead
to the next block, to an end, or out of the loop or the item.

What depends on who was first is not read: what some arms of several gave, or an event that comes about when its wait is over.
Which of several items failed first is not known either, so whatever a map, a parallel or a called workflow fails with is caught,
or nothing is. And each call has a place of its own among the runs of one start.
"""

from collections.abc import Callable, Sequence
from functools import cache
from random import Random
from typing import Any, NamedTuple

from tests.chaos.answers import CLOSE, EFFECTS, LOST, SURE
from tests.chaos.shapes import EVENT, FORM, INPUT, ONCE, OUTPUT, PLACE, RECEIPT, RETRY, TOTAL

Data = dict[str, Any]

MOST_BLOCKS = 5
_FIRST = (("parallel",), ("lost", "workflow"), ("workflow", "sure"))
"""With what workflows begin, so that some of each comes for certain."""
LARGE = 50
"""Items of a large map."""
PARTS = 6
"""Workflows that others call: the last half of them call those of the first."""
CALLS = 100
"""More than a workflow has steps, so that a call is told from each other by its step and its workflow."""
_PLAIN = (*["llm"] * 4, *["tool"] * 6, *["branch"] * 2, *["set"] * 2, *["sure"] * 3, "close", "lost", "until")
_MORE = {
    "": ("human", "loop", "map", "map", "parallel", "workflow", "workflow"),
    "loop": ("map", "workflow"), "map": ("loop", "parallel", "workflow"), "parallel": ("map", "workflow"),
}  # fmt: skip
"""What else a level may hold, by what it is the body of."""


class At(NamedTuple):
    """Where a level stands: in the body of what, what tells its calls from those of its other rounds and items, and in how many
    child runs, one inside of the other."""

    inside: str = ""
    round: str = "0"
    depth: int = 0

    @property
    def kinds(self) -> Sequence[str]:
        return _PLAIN if self.depth > (self.inside != "loop") else (*_PLAIN, *_MORE[self.inside] * 2)


@cache
def definition(seed: int, number: int, tools: str) -> Data:
    """The workflow of this number. `tools`: the address of the server where its tools are."""
    return _Draft(Random(f"{seed}/{number}"), tools, _FIRST[number % len(_FIRST)], parts=range(PARTS)).finished(f"chaos_{number}")


@cache
def parts(seed: int, tools: str) -> dict[str, Data]:
    """The workflows that are called, by `id@version`, in an order in which they can be published."""
    return {f"part_{number}@1": _part(seed, number, tools) for number in range(PARTS)}


def _part(seed: int, number: int, tools: str) -> Data:
    """Each third one has a limit, which it may meet: then it goes to a step of its own, whatever it was about."""
    chance, called = Random(f"{seed}/part/{number}"), range(PARTS // 2) if number >= PARTS // 2 else ()
    draft = _Draft(chance, tools, part=f"p{number}_", limited=number % 3 == 2, parts=called, calls=CALLS * (number + 1))
    return draft.finished(f"part_{number}")


def given(seed: int, run: int) -> Data:
    """The input of a run, by its number."""
    chance = Random(f"{seed}/input/{run}")
    return {"run": run, "at": 0, "a": chance.randrange(20), "b": chance.randrange(20)}


class _Draft:
    def __init__(
        self,
        chance: Random,
        tools: str,
        first: Sequence[str] = (),
        part: str = "",
        limited: bool = False,
        parts: Sequence[int] = (),
        calls: int = 0,
    ) -> None:
        """`first`: with what it begins; if with arms, the first that is done ends the others. `part`: it is called by others, and
        this stands before the names of its steps. `limited`: by a number of steps. `parts`: those that it may call. `calls`:
        what tells its calls of them from those of other workflows."""
        self.chance, self.tools, self.first, self.part, self.limited = chance, tools, first, part, limited
        self.race, self.parts, self.calls = "parallel" in first, parts, calls
        self.steps: list[Data] = []
        self.count = 0
        self.ends: set[str] = set()
        self.certain = 0
        """How many of the known values of a body are there at the end of each round or item: those before the first way there."""
        self.given: list[str] = []
        """The maps and parallels of the root that have given something on every way to its end."""

    def finished(self, name: str) -> Data:
        known = ["run.input.a", "run.input.b"]
        blocks = self.chance.randint(2, 3) if self.part else self.chance.randint(3, MOST_BLOCKS)
        start, self.steps = self.level(blocks, "done", known, At("", "run.input.at", 1) if self.part else At())
        output = {"total": " + ".join(known)} | {name: f"steps.{name}" for name in self.given}
        output = {name: f"${{{value}}}" for name, value in output.items()}
        self.steps.append({"id": "done", "type": "end", "outcome": "good", "output": output})
        limits: Data = {}
        if self.limited:
            limits = {"limits": {"steps": self.chance.randint(1, 5), "on_breach": "late"}}
            self.steps.append({"id": "late", "type": "set", "values": {"value": 1}, "next": "declined"})
            self.ends.add("declined")
        for end in sorted(self.ends):
            outcome = {"sorry": "bad", "declined": "handed"}[end]
            output = {"total": "${run.input.a}"}
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
            "outcomes": {
                "good": {"kind": "success", "output": TOTAL}, "handed": {"kind": "success", "output": TOTAL},
                "bad": {"kind": "failure"},
            },
            "on_failure": "bad",
            **limits,
            "escalation": {"queue": "chaos", "deadline": "1d", "on_deadline": "bad"},
            "models": {model: {"provider": "main", "model": model} for model in sorted(models)},
            "tools": {effect: tool for effect, tool in tools.items() if effect in used},
            "start": start,
            "steps": self.steps,
        }  # fmt: skip

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{self.part}{kind}{self.count}"

    def level(self, blocks: int, after: str, known: list[str], at: At, kinds: Sequence[str] = ()) -> tuple[str, list[Data]]:
        """So many blocks in a row, and where they begin. `known` grows by what is written on every way through them."""
        possible = [kind for kind in kinds or at.kinds if kind in self.kinds(at)]
        chosen = [self.chance.choice(possible) for _ in range(blocks)]
        if at == At():
            chosen[: len(self.first)] = self.first
        names = [self.name(kind) for kind in chosen]
        found: list[Data] = []
        for kind, name, to in zip(chosen, names, [*names[1:], after], strict=True):
            make: Callable[[str, str, list[str], At], list[Data]] = getattr(self, kind)
            found += make(name, to, known, at)
        return names[0], found

    def kinds(self, at: At) -> Sequence[str]:
        """What counts its steps has no child runs, which may be stopped before they have taken theirs."""
        if self.limited:
            return (*_PLAIN, "loop")
        return at.kinds if self.parts else [kind for kind in at.kinds if kind != "workflow"]

    def body(self, blocks: int, within: list[str], at: At, kinds: Sequence[str] = ()) -> tuple[list[Data], list[str]]:
        """The body of a container, and what of its own it knows at each of its ends."""
        first, before, self.certain = len(within), self.certain, 1_000
        _, found = self.level(blocks, "continue", within, at, kinds)
        certain, self.certain = self.certain, before
        return [_without(step, "next", "continue") for step in found], within[first:certain]

    def place(self, name: str, known: list[str], at: At) -> Data:
        seen = " + ".join(self.chance.sample(known, min(len(known), 2)))
        return {"run": "${run.input.run}", "step": name, "round": _value(at.round), "seen": f"${{{seen}}}"}

    def away(self, to: str, known: list[str], at: At) -> str:
        """Where a failure, or a branch, leads: on, or elsewhere."""
        return self.aside(known, at, to)

    def aside(self, known: list[str], at: At, *on: str) -> str:
        """Not on, unless that is one of the ways."""
        elsewhere = {"": ["sorry"], "loop": ["break", "continue"]}.get(at.inside, ["continue"])
        target = self.chance.choice([*on, *elsewhere])
        self.ends |= {target} & {"sorry"}
        if target == "continue":
            self.certain = min(self.certain, len(known))
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
        effect = self.chance.choice(EFFECTS[: 3 if self.limited else 4])  # to ask whether it happened takes steps
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

    def sure(self, name: str, to: str, known: list[str], at: At) -> list[Data]:
        """An event that comes for certain. Some of several rounds or items are the same: each takes one."""
        step = {**self.event(name, SURE, to, known, at), "output": EVENT, "deadline": "1d", "on_deadline": self.aside(known, at)}
        return [self.caught(step, to, known, f"steps.{name}.value", at, ["invalid_output"])]

    def close(self, name: str, to: str, known: list[str], at: At) -> list[Data]:
        """One that comes at about the deadline, and leads the same way."""
        return [{**self.event(name, CLOSE, to, known, at), "on_deadline": to}]

    def lost(self, name: str, to: str, known: list[str], at: At) -> list[Data]:
        return [{**self.event(name, LOST, to, known, at), "on_deadline": self.aside(known, at, to, to)}]

    def event(self, name: str, event: str, to: str, known: list[str], at: At) -> Data:
        parts = ["run.input.run", f"'{name}'"]
        if event != SURE or self.chance.random() < (0.1 if at.inside in ("loop", "map") else 0.9):
            parts += [at.round, " + ".join(self.chance.sample(known, min(len(known), 2)))]
        correlation = " + '/' + ".join(part if "'" in part else f"string({part})" for part in parts)
        deadline = self.chance.choice(["300ms", "1s"])
        return {
            "id": name,
            "type": "wait",
            "event": event,
            "correlation": f"${{{correlation}}}",
            "deadline": deadline,
            "next": to,
        }

    def until(self, name: str, to: str, known: list[str], at: At) -> list[Data]:
        """For a moment: one that comes, has passed, lies behind the deadline, or is too far away."""
        until = self.chance.choice(["200ms", "1s", "2020-02-29T08:00:00Z"])
        step: Data = {"id": name, "type": "wait", "until": until, "next": to}
        if self.chance.random() < 0.3:
            step |= {"until": "2d", "deadline": "500ms", "on_deadline": self.away(to, known, at)}
        elif self.chance.random() < 0.4:
            step["until"] = f"${{({self.chance.choice(known)}) % 2 * 100000000}}"
            return [self.caught(step, to, known, "", at)]
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

    def workflow(self, name: str, to: str, known: list[str], at: At) -> list[Data]:
        call = self.calls + int(name.removeprefix(f"{self.part}workflow"))
        given = {"run": "${run.input.run}", "at": f"${{({at.round}) * {CALLS * (PARTS + 1)} + {call}}}"}
        given |= {each: f"${{({self.chance.choice(known)}) % 20}}" for each in ("a", "b")}
        part = f"part_{self.chance.choice(self.parts)}@1"
        step: Data = {"id": name, "type": "workflow", "workflow": part, "input": given, "next": to}
        return [self.caught(step, to, known, f"steps.{name}.output.total", at)]

    def gives(self, blocks: int, within: list[str], at: At, kinds: Sequence[str] = ()) -> Data:
        """The body of an item or an arm, and what it gives: else what its last step gave, where that is certain."""
        around = self.chance.choice(within)
        body, sure = self.body(blocks, within, at, kinds)
        if self.chance.random() < 0.3 and all(map(_gives_the_same, body)):
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


def _gives_the_same(step: Data) -> bool:
    """Whoever is first."""
    return step["type"] != "parallel" and (step["type"] != "wait" or step.get("event") == SURE)


def _value(round: str) -> Any:
    return 0 if round == "0" else f"${{{round}}}"


def _without(step: Data, name: str, value: str) -> Data:
    return {key: each for key, each in step.items() if (key, each) != (name, value)}


def _all(steps: list[Data]) -> list[Data]:
    """The steps, and those of their bodies and arms."""
    return [each for step in steps for each in (step, *_all([*step.get("body", []), *step.get("branches", [])]))]
