"""What the form of a step may offer: the steps that its routes may lead to, models, tools, outcomes, and the places that it may
read, each with what people call it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dashboard.outline import ended, target
from dashboard.panel.seen import SeenPlace, seen
from orchestration.core.catalog import Catalog
from orchestration.core.definition import CONTAINERS
from orchestration.core.plan import Plan
from orchestration.core.plan.places import before, sight_of
from orchestration.core.routes import BREAK, CONTINUE

Offer = tuple[str, str]
"""(what is written, what it is called)"""
OFFERS = "places"
"""Names of the lists of places that a form offers: of the step, of its rounds, of its own input and output, of requests."""
OFFERS_INNER, OFFERS_OWN, OFFERS_HTTP = "places-inner", "places-own", "places-http"


def of_tool(name: str) -> str:
    return f"{OFFERS_HTTP}-{name}"


@dataclass(frozen=True, slots=True)
class Around:
    """`targets`: of routes; `ends`: what a step that leads nowhere ends, in words, "" at the root; `stand_ins`: of fallbacks.
    `places` may be read when the step begins, `inner` at the end of its rounds, `own` in its checks, `in_tools` in the
    requests of a tool of that name. `contracts`: of the input of each tool and version that may be called, by its name."""

    targets: tuple[Offer, ...] = ()
    ends: str = ""
    stand_ins: tuple[Offer, ...] = ()
    models: tuple[Offer, ...] = ()
    tools: tuple[Offer, ...] = ()
    outcomes: tuple[Offer, ...] = ()
    failures: tuple[Offer, ...] = ()
    providers: tuple[Offer, ...] = ()
    versions: tuple[Offer, ...] = ()
    places: tuple[SeenPlace, ...] = ()
    inner: tuple[SeenPlace, ...] = ()
    own: tuple[SeenPlace, ...] = ()
    in_tools: Mapping[str, tuple[SeenPlace, ...]] = field(default_factory=dict)
    contracts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def lists(self) -> dict[str, tuple[SeenPlace, ...]]:
        """What is offered, by the name that fields know it by; those in which there is something."""
        found = {OFFERS: self.places, OFFERS_INNER: self.inner, OFFERS_OWN: self.own}
        found |= {of_tool(name): places for name, places in self.in_tools.items()}
        return {name: places for name, places in found.items() if places}

    @property
    def known(self) -> str:
        """The same as JSON, for who picks from it in the browser."""
        return json.dumps({name: [asdict(place) for place in places] for name, places in self.lists.items()}, ensure_ascii=False)


def around(plan: Plan, step: str, catalog: Catalog, versions: tuple[Offer, ...] = ()) -> Around:
    """`step` "" is the workflow itself."""
    workflow = plan.workflow
    outcomes = tuple((name, found.title or name) for name, found in workflow.outcomes.items())
    level = plan.steps[step].level if step else ""
    return Around(
        targets=tuple(targets(plan, step)),
        ends=ended(plan, level) if level else "",
        stand_ins=tuple((name, plan.steps[name].label) for name in plan.levels[level] if name != step),
        models=tuple((name, f"{name} ({found.model or found.provider})") for name, found in plan.models.items()),
        tools=tools_of(plan, catalog),
        outcomes=outcomes,
        failures=tuple(offer for offer in outcomes if workflow.outcomes[offer[0]].kind == "failure"),
        providers=tuple((name, f"{name}, {found.protocol}") for name, found in sorted(catalog.providers.items())),
        versions=versions,
        places=seen(plan, sight_of(plan, level, step)),
        inner=seen(plan, sight_of(plan, step, step)) if step and plan.steps[step].type in CONTAINERS else (),
        own=seen(plan, _own(plan, step)) if step else (),
        in_tools={} if step else _in_tools(plan, catalog),
        contracts=_contracts(plan, catalog) if step else {},
    )


def _contracts(plan: Plan, catalog: Catalog) -> dict[str, Mapping[str, Any]]:
    tools = {**catalog.tools, **plan.workflow.tools}
    return {name: found.input for name, found in [*tools.items(), *catalog.workflows.items()]}


def tools_of(plan: Plan, catalog: Catalog) -> tuple[Offer, ...]:
    """Those that a step may call: the workflow's own, then those of all."""
    own = [(name, tool.title or name) for name, tool in plan.workflow.tools.items()]
    return (*own, *((name, tool.title or name) for name, tool in sorted(catalog.tools.items())))


def targets(plan: Plan, step: str) -> Iterator[Offer]:
    """Where routes of the step may lead: the steps beside it that don't lead back to it, and out of the round that it is in.
    Of the workflow itself: the steps of its root."""
    if not step:
        yield from ((name, plan.steps[name].label) for name in plan.levels[""])
        return
    level = plan.steps[step].level
    earlier = before(plan, step)
    yield from ((name, plan.steps[name].label) for name in plan.levels[level] if name not in earlier and name != step)
    if level:
        yield CONTINUE, target(plan, CONTINUE, level).name
        if plan.steps[level].type == "loop":
            yield BREAK, target(plan, BREAK, level).name


# What may be read


def _own(plan: Plan, step: str) -> Mapping[str, Any]:
    """What the checks of a step see."""
    found = plan.steps[step]
    given = found.input.schema if found.input else {"type": "object", "properties": {}}
    return {"input": given, "output": found.output_schema}


def _in_tools(plan: Plan, catalog: Catalog) -> dict[str, tuple[SeenPlace, ...]]:
    """What the requests of each of the workflow's own tools may read: its input, and secrets."""
    secrets = {"type": "object", "properties": {name: {"type": "string"} for name in sorted(catalog.secrets)}}
    return {
        name: seen(plan, {"input": tool.input or {"type": "object"}, "secrets": secrets})
        for name, tool in plan.workflow.tools.items()
    }
