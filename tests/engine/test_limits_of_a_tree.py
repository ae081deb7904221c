"""The limits of a whole that its child runs meet: they wait while a person is asked, and go on where it is lifted."""

from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from orchestration.acts import resolve, runs
from orchestration.core import values
from orchestration.core.errors import Conflict
from orchestration.core.frozen import replace
from orchestration.core.limits import LIMITS
from orchestration.executor import sweep, visit
from orchestration.executor.family import EngineFamily
from orchestration.models import Escalation, Run
from orchestration.queries import room
from tests.engine.conftest import Floor
from tests.engine.publishing import end, publish, workflow
from tests.engine.test_children import asking, children, each, over, person, put
from tests.engine.test_runs import ask, tool
from tests.servers import behaviours as b

pytestmark = pytest.mark.any_database
THREE = {"items": [1, 2, 3]}
THREE_SCHEMA = {"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": {"type": "number"}}}}


def chain(*ids: str) -> list[dict[str, Any]]:
    """So many steps, one after the other."""
    then = [{"next": after} for after in ids[1:]] + [{}]
    return [put(one, {"x": "${run.input.items[0]}"}, **more) for one, more in zip(ids, then, strict=True)]


def limited(*steps: dict[str, Any], most: int = 5, **more: Any) -> dict[str, Any]:
    """`on_failure` and nobody's answer lead to ends of their own."""
    ends = {"good": {"kind": "success"}, "bad": {"kind": "failure"}, "unattended": {"kind": "failure"}}
    escalation = {"queue": "desk", "deadline": "2d", "on_deadline": "unattended"}
    return over(*steps, end("${steps.each}"), outcomes=ends, escalation=escalation, limits={"steps": most}, **more)


def answer(floor: Floor, run: Run, action: str) -> Run:
    asked = floor.escalation(run)
    assert (asked.kind, asked.title) == ("limit", "A limit is reached")
    preview = resolve.preview(escalation=asked.id, action=action, values={}, by="otto")
    resolve.resolve(escalation=asked.id, action=action, values={}, by="otto")
    ended = floor.ended(run.id)
    assert preview["outcome"] == (ended.outcome if action == "abort" else None)
    return ended


def statuses(run: Run) -> list[str]:
    return [child.status for child in children(run)]


def spent(run: Run) -> dict[str, Any]:
    return dict(values.load(run.spent))


@pytest.mark.parametrize("hinted", [True, False], ids=["", "found by the sweep alone"])
def test_an_item_that_meets_it_waits_and_goes_on_where_it_is_lifted(
    floor: Floor, hinted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hinted:
        monkeypatch.setattr(floor.engine, "hint", lambda run: floor.engine.look())
    run = floor.rested(floor.start(limited(each(*chain("a", "b"), concurrency=1), most=3), THREE, proven=False))
    assert (run.status, run.wait) == ("waiting", "person")
    first, second = children(run)
    assert (first.status, second.status, second.wait, floor.paths(second)) == ("succeeded", "waiting", "limit", ["each[1]/a"])
    ended = answer(floor, run, "continue")
    assert (ended.outcome, floor.output(ended)) == ("good", [{"x": 1.0}] * 3)
    assert statuses(run) == ["succeeded"] * 3, "each once, and the third without it from the beginning"
    assert floor.paths(second) == ["each[1]/a", "each[1]/b", "each[1]/b"]
    lifted = floor.records(second)[1]
    assert (lifted["type"], lifted["actor"]) == ("limit", "otto")
    assert lifted["decision"]["sentence"] == "otto lifted the limit on its steps."
    assert [spent(child).get("lifted") for child in children(run)] == [None, ["steps"], ["steps"]]
    assert spent(ended)["steps"] == 6 + 1 + 1 + 2, "its items', their lift and its own, its record and the end"


def test_so_does_one_that_stands_deeper_and_a_called_workflow_whose_own_limit_holds_on(floor: Floor) -> None:
    inner = workflow(*chain("a", "b", "c", "d"), end(), id="inner", models={}, limits={"steps": 4, "on_breach": "last"})
    inner["steps"][3]["next"] = "done"
    inner["steps"].insert(4, put("last", {"x": 1}, next="done"))
    inner["input"] = THREE_SCHEMA
    publish(inner)
    call = {"id": "call", "type": "workflow", "workflow": "inner@1", "input": {"items": "${run.input.items}"}}
    deep = {"id": "deep", "type": "map", "over": "${run.input.items}", "max_items": 1, "body": [call]}
    run = floor.rested(floor.start(limited(each(deep, max_items=1), most=2), {"items": [7]}, proven=False))
    (item,) = children(run)
    (deeper,) = children(item)
    (called,) = children(deeper)
    assert [(each.status, each.wait) for each in (run, item, deeper, called)] == [
        ("waiting", "person"), ("waiting", "limit"), ("waiting", "limit"), ("waiting", "limit"),
    ]  # fmt: skip
    ended = answer(floor, run, "continue")
    assert (ended.status, {each.status for each in Run.objects.all()}) == ("succeeded", {"succeeded"})
    assert floor.paths(called)[-2:] == ["last", "done"], "it met its own limit, and dealt with it by itself"
    called.refresh_from_db()
    assert (spent(called).get("lifted"), spent(called)["freed"]) == (None, ["steps"])


def test_what_it_asked_is_nobodys_to_answer_once_it_is_cancelled(floor: Floor) -> None:
    """Also while its child runs are still being stopped: an answer could have it end in another way."""
    run = floor.rested(floor.start(limited(each(*chain("a", "b"), concurrency=1), most=3), THREE, proven=False))
    asked = floor.escalation(run)
    assert runs.cancel(run=run.id, by="olga") == "asked"
    with pytest.raises(Conflict, match="This escalation was cancelled by olga already"):
        resolve.resolve(escalation=asked.id, action="abort", values={}, by="otto")
    assert floor.ended(run.id).status == "cancelled"
    assert statuses(run) == ["succeeded", "cancelled"]


def test_what_a_call_cost_beyond_the_limit_is_lent_to_nobody(floor: Floor) -> None:
    """Items that cost nothing are not kept from it, nor does the debt grow with each of them."""
    floor.server.default(b.as_json(b.completion({"label": "a"}) | {"usage": {"prompt_tokens": 100, "completion_tokens": 900}}))
    priced = {"main": {"provider": "main", "usd_per_mtok_in": 1000, "usd_per_mtok_out": 1000}}
    ask_first = ask(next="each", max_input_tokens=99, max_output_tokens=100)
    ask_first["input"] = {"text": "x"}
    flow = over(ask_first, each(*chain("a")), end(), models=priced, limits={"cost_usd": 0.5, "on_breach": "done"})
    run = floor.ended(floor.start(flow, THREE))
    assert (run.outcome, floor.paths(run), run.cost) == ("good", ["classify", "each", "done"], 1_000_000_000)
    assert [spent(child).get("lent") for child in children(run)] == [{"cost_usd": 0}] * 3
    assert "out" not in spent(run)


def test_one_that_was_just_asked_to_go_on_is_stopped_with_the_run_that_it_is_a_part_of(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = sweep.ask_children

    def ask(*told: Any) -> list[str]:
        found = asking(*told)
        if "lift" in told[4].values():  # nobody takes it up for now
            Run.objects.filter(id__in=found).update(due=None)
        return found

    monkeypatch.setattr(sweep, "ask_children", ask)
    run = floor.rested(floor.start(limited(each(*chain("a", "b", "c")), most=2), {"items": [1]}, proven=False))
    resolve.resolve(escalation=floor.escalation(run).id, action="continue", values={}, by="otto")
    floor.until(run.id, lambda found: found.wait == "children" and children(run)[0].asked is not None)
    runs.cancel(run=run.id, by="olga")
    assert floor.ended(run.id).status == "cancelled"
    assert statuses(run) == ["cancelled"]
    assert floor.paths(children(run)[0]) == ["each[0]/a", "each[0]/b", "each[0]/c"]


def test_what_children_spend_counts_for_the_whole_and_is_lent_before(floor: Floor) -> None:
    flow = over(
        each(put("a", {"x": 1}), put("b", {"x": 2}), max_items=40, concurrency=10),
        put("late", {"e": "${error.message}"}, next="done"),
        end(),
        limits={"steps": 9, "on_breach": "late"},
    )
    flow["steps"][0]["body"][0]["next"] = "b"
    run = floor.ended(floor.start(flow, {"items": [1, 2, 3, 4, 5, 6]}))
    assert floor.records(run)[1]["output"] == {"e": "All 9 steps that the run may take are taken."}
    assert [child.status for child in children(run)] == ["succeeded"] * 4 + ["failed"]
    assert spent(run)["steps"] == 9 + 4


@pytest.mark.parametrize("why", ["expression", "limit"])
def test_one_whose_worker_fails_once_its_children_are_stopped_goes_the_same_way(
    timed: Floor, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever takes it up finds those that were stopped before the one on whose account they were."""
    cases = [{"when": "item == 3.0", "to": "bad"}]
    which = {"id": "which", "type": "branch", "cases": cases, "default": "ask"}
    fails = [which, person("ask"), put("bad", {"n": "${run.input.items[5]}"})]
    many = [put("a", {"x": 1}, next="b"), put("b", {"x": 2})]
    catch = [{"errors": ["expression"], "to": "late"}]
    flow = over(
        each(*(fails if why == "expression" else many), catch=catch),
        put("late", {"e": "${error.code}"}, next="done"),
        end(),
        limits={"steps": 5, "on_breach": "late"} if why == "limit" else {},
    )
    timed.fail_at("after_asking", monkeypatch)
    run = timed.start(flow, {"items": [1, 2, 3]})
    timed.until(run, lambda found: found.deaths == 1 and not Run.objects.filter(parent=run, ended=None).exists())
    timed.advance(60)
    ended = timed.ended(run)
    assert (timed.paths(ended), timed.records(ended)[1]["output"]) == (["each", "late", "done"], {"e": why})


@pytest.mark.parametrize(("action", "outcome"), [("abort", "bad"), ("", "unattended")])
def test_where_it_is_not_the_run_ends_as_it_says_and_none_outlives_it(timed: Floor, action: str, outcome: str) -> None:
    flow = limited(each(each(*chain("a", "b")) | {"id": "deep", "next": None}, concurrency=1), most=3)
    del flow["steps"][0]["body"][0]["next"]
    run = timed.rested(timed.start(flow, {"items": [1, 2]}, proven=False))
    if action:
        ended = answer(timed, run, action)
    else:
        timed.advance(2 * 86400 + 1)
        ended = timed.ended(run.id)
    assert (ended.status, ended.outcome) == ("failed", outcome)
    assert set(Run.objects.values_list("status", flat=True)) <= {"failed", "cancelled", "succeeded"}


def test_what_a_breach_leads_to_may_fan_out_and_its_parts_take_that_way_no_second_time(floor: Floor) -> None:
    """For steps there is no limit any more then, for parts as for the whole; that of money holds on."""
    rounds = {"id": "rounds", "type": "loop", "max": 12, "body": [put("step", {"at": "${iter.index}"})]}
    deep = each(rounds) | {"id": "deep", "next": None}
    flow = over(*chain(*"abc"), each(deep), end(), limits={"steps": 2, "on_breach": "each"})
    flow["steps"][2]["next"] = "done"
    run = floor.ended(floor.start(flow, {"items": [1]}))
    assert (run.outcome, floor.paths(run)) == ("good", ["a", "b", "c", "each", "done"])
    assert Run.objects.count() == 3
    deepest = Run.objects.get(parent__parent=run)
    assert len(floor.paths(deepest)) == 13


def test_items_for_whom_there_is_room_one_after_another_take_no_longer_than_was_proved(timed: Floor) -> None:
    rounds = {"id": "rounds", "type": "loop", "max": 20, "body": [put("t", {"x": 1})], "carry": {"n": 0}}
    rounds |= {"update": {"n": "${carry.n + 1}"}, "until": "carry.n > 0", "on_exhausted": "continue"}
    flow = over(each(person("ask", "rounds"), rounds, max_items=4), end(), limits={"steps": 20, "on_breach": "done"})
    run = timed.start(flow, {"items": [1, 2, 3, 4]})
    for number in range(4):
        timed.until(run, lambda _, number=number: Escalation.objects.count() > number)
        timed.until(run, asking(1))
        timed.advance(86400)
    ended = timed.ended(run)
    proved = values.load(ended.version.proof)["worst"]["human_seconds"]
    assert (ended.outcome, statuses(ended), proved) == ("good", ["succeeded"] * 4, 4 * 86400)
    asked = list(Escalation.objects.order_by("created"))
    assert 3 * 86400 < (asked[-1].resolved - asked[0].created).total_seconds() <= proved


def test_all_begin_where_the_limit_is_just_what_they_may_come_to_in_fractions_too(floor: Floor) -> None:
    """0.1 + 0.1 + 0.1 is more than 0.3."""
    call, tools = tool(floor, id="call", timeout="100ms", next=None)
    flow = over(each(person("ask", "call"), call, max_items=4), end(), tools=tools, limits={"machine_time": "400ms"})
    run = floor.start(flow, {"items": [1, 2, 3, 4]})
    floor.until(run, asking(4))
    assert len(children(run)) == 4


class TestMoreIsLent:
    """To a child that needs more than it could have come to by itself, as long as the whole has it."""

    def test_where_a_person_has_a_call_made_again(self, floor: Floor) -> None:
        step, tools = tool(floor, effect="irreversible")
        step.pop("next")
        floor.server.script(b.error(503), b.error(503), b.as_json({"message_id": "m"}), path="/tools/send")
        run = floor.start(limited(each(step), most=10, tools=tools), {"items": [1]}, proven=False)
        for answered in range(2):
            floor.until(run, lambda _, answered=answered: Escalation.objects.count() > answered)
            (item,) = Run.objects.filter(parent=run)
            again = {"action": "did_not_happen", "values": {}, "by": "otto"}
            resolve.resolve(escalation=floor.escalation(item).id, **again)
        ended = floor.ended(run)
        assert (ended.outcome, floor.output(ended)) == ("good", [{"message_id": "m"}])
        assert (spent(children(ended)[0])["steps"], "out" in spent(ended)) == (3, False)

    def test_where_calls_were_lost_with_their_workers(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        prepare = visit.prepare
        monkeypatch.setattr(visit, "prepare", lambda *about: replace(prepare(*about), lost=2 if about[2].id == "one" else 0))
        floor.server.default(b.chat({"label": "a"}))
        cap = {"max_input_tokens": 200, "max_output_tokens": 300, "input": {"text": "x " * 60}}
        two = ask("two", **cap)
        del two["next"]
        priced = {"main": {"provider": "main", "usd_per_mtok_in": 1, "usd_per_mtok_out": 1}}
        flow = over(each(ask("one", next="two", **cap), two), end(), models=priced, limits={"cost_usd": 100, "on_breach": "done"})
        run = floor.ended(floor.start(flow, {"items": [1]}))
        (item,) = children(run)
        assert (floor.paths(item), floor.paths(run)) == (["each[0]/one", "each[0]/two"], ["each", "done"])
        assert (run.cost, spent(item)["lent"], "out" in spent(run)) == (item.cost, {"cost_usd": 2_000_000}, False)

    @pytest.fixture
    def tight(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each begins with one step, and is lent one at a time."""
        monkeypatch.setattr(room, "wanted", lambda plan, level: dict.fromkeys(LIMITS, 1))

    @pytest.mark.parametrize("time", [1, 2, 3, 5, 8])
    @pytest.mark.parametrize("told", [False, True], ids=["before it was told", "once it was told"])
    def test_once_whenever_the_worker_of_its_parent_fails(
        self, timed: Floor, tight: None, told: bool, time: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lend, times = EngineFamily.lend, count(1)

        async def fails(*about: Any) -> None:
            fault = next(times) == time
            if told or not fault:
                await lend(*about)
            if fault:
                raise MemoryError

        monkeypatch.setattr(EngineFamily, "lend", fails)
        deep = each(*chain("a", "b", "c")) | {"id": "deep", "next": None}
        run = timed.start(limited(each(deep), most=90), {"items": [1, 2]}, proven=False)
        ended = timed.until(run, lambda found: goes_on(timed, run) or found.status in Run.ENDED)
        assert (ended.outcome, timed.output(ended)) == ("good", [[{"x": 1.0}] * 2] * 2)
        leaves = list(Run.objects.filter(parent__parent=run))
        assert [(spent(leaf)["steps"], spent(leaf)["lent"]) for leaf in leaves] == [(3, {"steps": 3})] * 4
        assert next(times) > time, "it bit"
        assert [found.id for found in Run.objects.all() if "out" in spent(found) or '"loans"' in found.position] == []

    def test_and_comes_back_where_the_child_is_stopped_before_it_hears_of_it(
        self, floor: Floor, tight: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What its sibling was lent stays lent."""
        asking = sweep.ask_children

        def ask_the_first_in_vain(*told: Any) -> list[str]:
            found = asking(*told)
            Run.objects.filter(id__in=found, index=0).update(due=None)
            return found

        monkeypatch.setattr(sweep, "ask_children", ask_the_first_in_vain)
        flow = limited(each(*chain("a", "b"), person("ask"), on_item_error="skip"), most=90)
        flow["steps"][0]["body"][1]["next"] = "ask"
        run = floor.start(flow, {"items": [1, 2]}, proven=False)
        parent = floor.until(run, lambda found: '"loans"' in found.position and Escalation.objects.exists())
        first, second = floor.until(run, lambda found: bool(children(found)[0].asked)) and children(parent)
        assert (spent(first)["lent"], spent(second)["lent"], spent(parent)["out"]) == ({"steps": 1}, {"steps": 2}, {"steps": 4})
        runs.cancel(run=first.id, by="olga")
        floor.until(run, lambda found: bool(children(found)[0].joined))
        parent.refresh_from_db()  # what was read before its child was may be older
        assert spent(parent)["out"] == {"steps": 2}
        answer_all(floor)
        assert "out" not in spent(floor.ended(run))

    def test_once_others_have_given_back_what_it_lacks(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch, viewer: User, client: Client
    ) -> None:
        """Until then it waits, and nobody looks after it for nothing."""
        monkeypatch.setattr(room, "wanted", lambda plan, level: dict.fromkeys(LIMITS, 3))
        cases = [{"when": "index == 0", "to": "ask"}]
        which = {"id": "which", "type": "branch", "cases": cases, "default": "a"}
        flow = limited(each(which, *chain("a", "b", "c"), person("ask")), most=6)
        run = floor.start(flow, {"items": [1, 2]}, proven=False)
        floor.until(run, lambda found: '{"verb":"wait"}' in [child.asked for child in children(found)])
        parent = floor.until(run, lambda found: found.wait == "children")
        assert sweep.to_join(99) == []
        fence = parent.fence
        for _ in range(2):
            swept = floor.engine.pulse.beat_at
            floor.engine.look()
            floor.until(run, lambda found, swept=swept: floor.engine.pulse.beat_at > swept)
        parent.refresh_from_db()
        assert (parent.fence, spent(parent)["out"]) == (fence, {"steps": 6})
        client.force_login(viewer)
        assert "asked it to stop" not in client.get(f"/runs/{children(parent)[1].id}/").content.decode()
        answer_all(floor)
        ended = floor.ended(run)
        assert (ended.outcome, spent(ended)["steps"], "out" in spent(ended)) == ("good", 2 + 4 + 2, False)

    def test_but_never_more_than_there_is(self, floor: Floor, tight: None) -> None:
        flow = limited(each(*chain("a", "b", "c")), most=5)
        run = floor.rested(floor.start(flow, {"items": [1, 2]}, proven=False))
        assert (run.wait, spent(run).get("steps", 0) + spent(run)["out"]["steps"]) == ("person", 5)
        floor.until(run.id, lambda found: sum(spent(child).get("steps", 0) for child in children(found)) == 5)


def goes_on(floor: Floor, run: str) -> bool:
    """False. What was given back after a fault is due at once."""
    if Run.objects.filter(status="ready", due__gt=floor.clock.now()).exists():  # type: ignore[union-attr]
        floor.advance(60)
    return False


def answer_all(floor: Floor) -> None:
    for asked in Escalation.objects.filter(status="open"):
        resolve.resolve(escalation=asked.id, action="go", values={}, by="otto")
