"""Copy and paste, within a workflow and across workflows.

What is pasted keeps the ids that are free and gets new ones for those that are taken, with everything inside of the pasted set
rewritten, and a number for a title that is taken. Models and own tools that are not here come along. Where something else has
their name here, a model is the one that is here, since its name is a role; a tool comes along under a new name, since its name is
what it does. What names what is not here, or is another thing here, is told.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any

from orchestration.core.cel_spots import Unclear
from orchestration.core.definition import from_source
from orchestration.core.editing.building import labels, place_of
from orchestration.core.editing.commands import Duplicate, Paste
from orchestration.core.editing.draft import Draft, Spot, below, is_end_of_level, new_id
from orchestration.core.editing.edited import Change, Note
from orchestration.core.editing.keys import put_in_order
from orchestration.core.editing.mentions import Mention, of_step
from orchestration.core.editing.renaming import rewrite
from orchestration.core.editing.routing import can_end_level
from orchestration.core.errors import Problem, Refused
from orchestration.core.fields import MOST_OF_TITLE
from orchestration.core.frozen import dataclass, replace
from orchestration.core.source import Source
from orchestration.core.values import dump, load

_HELD = {"model": "models", "tool": "tools"}


def copy(data: dict[str, Any], ids: list[str]) -> dict[str, Any]:
    """The clipboard: steps of a definition that can be read, with the models and own tools that they use, as JSON. Its
    `clipboard` holds what `paste` takes. Refused where there is no such step."""
    spots = Draft(data).chosen(ids)
    named = [mention for spot in spots for each in (spot, *below(spot.step)) for mention in of_step(each)]
    steps = [{"type": "arm", **spot.step} if spot.type == "arm" else spot.step for spot in spots]
    held: dict[str, Any] = {"of": data["id"], "steps": steps}
    for kind, key in _HELD.items():
        used = {mention.text for mention in named if mention.kind == kind}
        held[key] = {name: value for name, value in (data.get(key) or {}).items() if name in used}
    return {"interlock": 1, "clipboard": load(dump(held))}


def paste(draft: Draft, command: Paste) -> Change:
    steps = _readable(draft, command)
    container, siblings = draft.level(command.into, "into")
    if ("type" not in steps[0]) != (container == "parallel"):
        where = "arms stand in a parallel" if "type" not in steps[0] else "a parallel holds arms, and these hold steps"
        raise Refused(Problem("wrong_container", f"This can't be pasted there: {where}.", "into"))
    place = place_of(siblings, command.before)
    named, standing = draft.named(), draft.ids()
    titles = {spot.label for spot in standing.values()}
    siblings[place:place] = steps
    pasted = _Pasted(draft, command, steps, set(standing))
    left = pasted.take_free_ids(named, titles)
    tools = pasted.bring_tools()
    pasted.bring_models()
    spots, ids = pasted.spots(), draft.ids()
    rebind = [note for spot in spots for note in pasted.notes(spot, tools, ids)]
    spots = [spot for spot in spots if spot.level == command.into]
    sentence = f"Pasted {labels(spots)}" + (f" into {draft.find(command.into, 'into').label}" if command.into else "")
    places = tuple((spot.place, f"steps[{index}]") for index, spot in enumerate(spots))
    return Change(sentence, tuple(spot.id for spot in spots), tuple(left), tuple(rebind), places)


def duplicate(draft: Draft, command: Duplicate) -> Change:
    spots = draft.chosen(command.steps)
    level, siblings = spots[0].level, spots[0].siblings
    if any(spot.level != level for spot in spots):
        message = "These stand on different levels. Duplicate those of one level, or the container around them."
        raise Refused(Problem("wrong_level", message, "steps"))
    place = next(index for index, each in enumerate(siblings, 1) if each is spots[-1].step)
    before = str(siblings[place].get("id")) if place < len(siblings) else None
    clip = copy(draft.data, [spot.id for spot in spots])["clipboard"]
    found = paste(draft, Paste(do="paste", into=level, before=before, **clip))
    return replace(found, sentence=f"Duplicated {labels(spots)}")


def _readable(draft: Draft, command: Paste) -> list[dict[str, Any]]:
    """Copies of the steps, of which each can be read as a step, or all as arms. Refused at the place where one can't be."""
    steps: list[dict[str, Any]] = load(dump(list(command.steps)))
    arms = [step for step in steps if step.get("type") == "arm"]
    if arms and len(arms) < len(steps):
        raise Refused(Problem("wrong_container", "Arms and steps stand on different levels. Paste one or the other.", "steps"))
    for arm in arms:
        del arm["type"]
    held = [{"id": "held", "type": "parallel", "branches": steps}] if arms else steps
    try:
        from_source(Source({**draft.data, "steps": held, "models": command.models, "tools": command.tools}))
    except Refused as error:
        cut = "steps[0].branches" if arms else "steps"
        raise Refused(*(replace(each, path=each.path.replace(cut, "steps", 1), line=None) for each in error.problems)) from None
    return steps


def _numbered(title: str, taken: Collection[str]) -> str:
    """`X 2` of `X`, `X 3` where that is taken too."""
    stem = re.sub(r" [0-9]{1,3}\Z", "", title)
    number = 2
    while (name := f"{stem[: MOST_OF_TITLE - 1 - len(str(number))]} {number}") in taken:
        number += 1
    return name


@dataclass(slots=True)
class _Pasted:
    """Steps that were just put into the draft. `standing`: ids that stood before."""

    draft: Draft
    command: Paste
    steps: list[dict[str, Any]]
    standing: set[str]

    def spots(self) -> list[Spot]:
        """All of them, with what they hold."""
        mine = {id(each) for step in self.steps for each in (step, *(spot.step for spot in below(step)))}
        return [spot for spot in self.draft.spots() if id(spot.step) in mine]

    def mentions(self) -> list[Mention]:
        return [mention for spot in self.spots() for mention in of_step(spot)]

    def take_free_ids(self, named: set[str], titles: set[str]) -> list[Note]:
        """New ids for those that are taken, inside of the pasted set everywhere, and other titles with them. An id that stands
        twice in it is kept, as everywhere, by the first."""
        spots = self.spots()
        taken = named | {spot.id for spot in spots}
        names: dict[str, str] = {}
        met: set[str] = set()
        for spot in spots:
            old = spot.id
            if old in self.standing or old in met:
                spot.step["id"] = new_id(old, taken)
                if spot.step.get("title") in titles:
                    spot.step["title"] = _numbered(spot.step["title"], titles)
                    titles.add(spot.step["title"])
                taken.add(spot.step["id"])
                if old not in met:
                    names[old] = spot.step["id"]
            met.add(old)
        found = self.mentions() if names else []
        left = rewrite(found, names) if names else []
        new = {name: old for old, name in names.items()}
        spots = self.spots()
        inside = {spot.id for spot in spots}
        for spot in spots:
            if spot.type == "arm" and spot.id in new and spot.level in inside:
                left += rewrite(found, {new[spot.id]: spot.id}, ("steps", spot.level))
        return left

    def bring_models(self) -> None:
        used = {mention.text for mention in self.mentions() if mention.kind == "model"}
        self._bring("models", {name: model for name, model in self.command.models.items() if name in used})

    def bring_tools(self) -> dict[str, str]:
        """The new names of those that had to get one → the name that they had."""
        here, given = self.draft.data.get("tools") or {}, self.command.tools
        found = [mention for mention in self.mentions() if mention.kind == "tool" and mention.text in given]
        names: dict[str, str] = {}
        for name in dict.fromkeys(mention.text for mention in found):
            another = name in here and here[name] != given[name]
            names[name] = new_id(name, {*here, *given, *names.values()}) if another else name
        for mention in found:
            mention.holder[mention.key] = names[mention.text]
        self._bring("tools", {new: given[old] for old, new in names.items()})
        return {new: old for old, new in names.items() if new != old}

    def _bring(self, key: str, given: dict[str, Any]) -> None:
        here = self.draft.data.get(key) or {}
        if given.keys() - here.keys():
            put_in_order(self.draft.data, key, {**here, **{name: value for name, value in given.items() if name not in here}})

    # what has to be bound anew

    def notes(self, spot: Spot, tools: dict[str, str], ids: dict[str, Spot]) -> Iterator[Note]:
        """`tools`: the new names of tools → their old ones. `ids`: all that stand in the draft now."""
        for mention in of_step(spot):
            for name, words in self._strange(spot, mention, tools, ids):
                kind = {"step": "route", "template": "expression", "cel": "expression"}.get(mention.kind, mention.kind)
                yield Note(kind, name, f"{spot.label}: {words}", mention.path, spot.id)  # type: ignore[arg-type]

    def _strange(self, spot: Spot, mention: Mention, tools: dict[str, str], ids: dict[str, Spot]) -> Iterator[tuple[str, str]]:
        """What it names that is not here, or is another thing here, and a sentence about that."""
        name = mention.text
        if mention.kind == "step":
            if words := self._route(spot, name, ids):
                yield name, words
        elif mention.kind == "outcome":
            if name not in self.draft.data["outcomes"]:
                yield name, f"there is no outcome {name} here. Choose one."
        elif mention.kind == "model":
            here, given = self.draft.data.get("models") or {}, self.command.models
            if name not in here:
                yield name, f"there is no model {name} here. Choose one."
            elif name in given and here[name] != given[name]:
                yield name, f"the model {name} is another one here. See whether it is the one that you want."
        elif mention.kind == "tool":
            if name in tools:
                yield name, f"the tool {tools[name]} is another one here, so the pasted one is called {name}."
            elif self._foreign and name in (self.draft.data.get("tools") or {}) and name not in self.command.tools:
                yield name, f"{name} is a tool of this workflow's own here. See whether it is the one that you want."
        else:
            yield from self._reads(mention, ids)

    @property
    def _foreign(self) -> bool:
        return self.command.of not in ("", self.draft.data["id"])

    def _route(self, spot: Spot, to: str, ids: dict[str, Spot]) -> str:
        if is_end_of_level(to):
            return "" if can_end_level(self.draft, spot, to) else f"it goes to {to}, and stands in no loop here. Connect it anew."
        target = ids.get(to)
        if target is None:
            return f"it leads to {to}, which did not come along. Connect it anew."
        if target.level != spot.level:
            return f"it leads to {to}, which can't be reached from here. Connect it anew."
        if self._foreign and to in self.standing:
            return f"it leads to {to}, which is another step here. See whether it is the one that you want."
        return ""

    def _reads(self, mention: Mention, ids: dict[str, Spot]) -> Iterator[tuple[str, str]]:
        try:
            read = dict.fromkeys(spot.name for each in mention.reads() for spot in each.fields)
        except Unclear:
            return  # whatever it is, it was so before
        for name in read:
            if name not in ids:
                yield name, f"it reads steps.{name}, which did not come along. Read something else."
            elif self._foreign and name in self.standing:
                yield name, f"it reads steps.{name}, which is another step here. See whether it is the one that you want."
