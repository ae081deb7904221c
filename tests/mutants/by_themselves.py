"""Builds that are broken on purpose: what is due by itself, events, and child runs."""

from tests.mutants.mutant import CHAOS, MACHINE, MEETINGS, Mutant

ENGINE = "orchestration/executor/engine.py"
BENCH = "orchestration/executor/bench.py"
EVENTS = "orchestration/record/events.py"
WAITING = "orchestration/executor/waiting.py"
FAN = "orchestration/core/fan.py"
FAMILY = "orchestration/executor/family.py"
LENDING = "orchestration/executor/lending.py"
PARENT = "orchestration/executor/children.py"
FIRING = "orchestration/acts/firing.py"
CRON = "orchestration/core/cron.py"
SENDING = "orchestration/acts/events.py"
WAIT = "tests/engine/test_wait.py"
WAITS = "tests/engine/test_wait_meetings.py"
SCHEDULES = "tests/engine/test_schedules.py"
CHILDREN = "tests/engine/test_children.py"
MANY = "tests/engine/test_many_children.py"
LENT = "tests/engine/test_limits_of_a_tree.py"


MUTANTS: tuple[Mutant, ...] = (
    # what is due by itself
    Mutant(
        "a schedule is moved on whatever was seen of it",
        FIRING,
        'found.filter(next=seen["next"], revision=seen["revision"]).update(',
        "found.update(",
        (f"{SCHEDULES} -k two_workers", f"{SCHEDULES} -k at_one_moment", f"{SCHEDULES} -k person_did_first"),
    ),
    Mutant(
        "a schedule is moved on before its run is started",
        FIRING,
        """        with transaction.atomic():
            return _move(firing) and _start(firing)
""",
        "        return _move(firing) and _start(firing)\n",
        (f"{SCHEDULES} -k before_fire",),
    ),
    Mutant(
        "a schedule starts a run and is moved on later",
        FIRING,
        """        with transaction.atomic():
            return _move(firing) and _start(firing)
""",
        "        return _start(firing) and _move(firing)\n",
        (f"{SCHEDULES} -k after_fire", f"{SCHEDULES} -k person_did_first"),
    ),
    Mutant(
        "what a schedule passes over is forgotten",
        FIRING,
        "if moved and firing.passed is not None:",
        "if not moved and firing.passed is not None:",
        (f"{SCHEDULES} -k hundred", f"{SCHEDULES} -k lost_silently"),
    ),
    Mutant(
        "a schedule that can't start stays where it is",
        FIRING,
        "            return _move(firing) and _refuse(firing, error)\n",
        "            return _refuse(firing, error)\n",
        (f"{SCHEDULES} -k no_longer_fits",),
    ),
    Mutant(
        "what a schedule missed while it was paused is made up for",
        "orchestration/acts/schedules.py",
        "return max(now, found.fired) if found.fired else now",
        "return found.fired or found.created",
        (f"{SCHEDULES} -k while_it_is_paused",),
    ),
    Mutant(
        "a schedule forgets what it has started where the clock steps back",
        "orchestration/acts/schedules.py",
        "return max(now, found.fired) if found.fired else now",
        "return now",
        (f"{SCHEDULES} -k steps_back",),
    ),
    Mutant(
        "a time of a schedule that the clock skips comes an hour late",
        CRON,
        "return _turn(zone, second, first) or first",
        "return first",
        ("tests/core/test_cron.py", f"{SCHEDULES} -k nights"),
    ),
    Mutant(
        "a time of a schedule that the clock shows twice comes again",
        CRON,
        "if (found := _first(zone, shown)) > moment:",
        "if (found := _first(zone, shown)):",
        ("tests/core/test_cron.py",),
    ),
    Mutant(
        "a schedule by the minute forgets the hour that comes twice",
        CRON,
        "        turn = _turn(zone, moment, found)\n        if turn is None:",
        "        turn = None\n        if turn is None:",
        ("tests/core/test_cron.py", f"{SCHEDULES} -k nights"),
    ),
    # events
    Mutant(
        "an event is given twice",
        EVENTS,
        "filter(id=event, run=None).update",
        "filter(id=event).update",
        (f"{WAITS} -k sweeps_at_one_moment", f"{WAITS} -k two_runs_that_come"),
    ),
    Mutant(
        "a run that was given an event awaits another",
        EVENTS,
        "SET due = %s, awaits = '', revision",
        "SET due = %s, revision",
        (f"{WAITS} -k second_event", f"{WAITS} -k two_events_for_one_run"),
    ),
    Mutant(
        "an event is taken for a run that another has moved",
        EVENTS,
        "filter(id=run, fence=fence, revision=revision)",
        "filter(id=run)",
        (f"{WAITS} -k taken_over_from", f"{WAITS} -k just_before_it_takes"),
    ),
    Mutant(
        "an event is taken before the run's place is committed",
        BENCH,
        "            if held.paused is None:\n",
        "            if held.paused is not None:\n",
        (f"{WAITS} -k place_is_committed",),
    ),
    Mutant(
        "an event that is not written as taken yet is taken again",
        BENCH,
        "        if held.takings:\n",
        "        if held.takings is None:\n",
        (f"{WAIT} -k two_waits", MACHINE),
    ),
    Mutant(
        "a run that comes to wait looks for no event that is kept",
        WAITING,
        "event = await desk.event(held, found.address) if found.address else None",
        "event = await desk.event(held, found.address) if found.address and held.paused else None",
        (f"{WAIT} -k taken_by_the_first", MACHINE),
    ),
    Mutant(
        "the deadline of a wait comes before an event that has come",
        WAITING,
        "    if event is not None:\n",
        "    if event is not None and now < found.due:\n",
        (f"{WAITS} -k came_before_it_was_acted_on", MACHINE),
    ),
    Mutant(
        "an item goes on after the deadline of its last wait",
        WAITING,
        "await settle.conclude(desk, held, step, found.given, Result.failed(failure), taken)",
        "held.record(step, found.given, Result.failed(failure), taken, desk.clock.now())",
        (f"{WAIT} -k deadline_ends", MACHINE, CHAOS),
    ),
    Mutant(
        "an event goes to the run that has waited least",
        EVENTS,
        "AND awaits = %s ORDER BY since, id LIMIT 1 {lock}",
        "AND awaits = %s ORDER BY since DESC, id DESC LIMIT 1 {lock}",
        (f"{WAIT} -k waited_longest", MACHINE),
    ),
    Mutant(
        "of events that are kept the last is taken first",
        EVENTS,
        'order_by("received", "id").first()',
        'order_by("-received", "-id").first()',
        (f"{WAIT} -k taken_by_the_first", MACHINE),
    ),
    Mutant(
        "an event ignores its idempotency key",
        SENDING,
        "key=idempotency, body=body",
        "key=None, body=body",
        (f"{WAIT} -k same_answer", MACHINE, CHAOS),
    ),
    Mutant(
        "a child run that is to be stopped is given an event",
        "orchestration/executor/sweep.py",
        "SET asked = %s, awaits = '', revision",
        "SET asked = %s, revision",
        (f"{WAITS} -k to_be_stopped", MACHINE),
    ),
    Mutant(
        "a sweep looks back no further than the last one",
        WAITING,
        "self._last - 2 * GRACE if",
        "self._last if",
        (f"{WAITS} -k looks_back",),
    ),
    Mutant(
        "no sweep matches events with runs",
        ENGINE,
        "        await self.matching.look(now)\n",
        "",
        ("tests/engine/test_wait.py -k missed_each_other",),
    ),
    Mutant(
        "an event is for the longest waiting run alone, whoever moves that",
        EVENTS,
        '"FOR UPDATE SKIP LOCKED"',
        '""',
        (f"{WAITS} -k two_events_for_two_runs",),
        on="postgresql",
    ),
    Mutant(
        "a wait begins anew for whoever takes it up",
        WAITING,
        'if held.paused is not None and held.paused.kind in ("event", "time") else now',
        "if held.paused is held else now  # type: ignore[comparison-overlap, union-attr]",
        (f"{WAITS} -k dies_over_the_deadline", "tests/engine/test_wait.py -k one_row_with_a_due_time"),
    ),
    # child runs
    Mutant(
        "a child run is counted without being marked",
        PARENT,
        "    held.joins.append(JoinRow(True, held.run_id, child.run))\n",
        "",
        (MACHINE, CHILDREN, MANY),
    ),
    Mutant(
        "a child run that was counted is counted again",
        FAMILY,
        ".filter(joined=False, ended__isnull=False)",
        ".filter(ended__isnull=False)",
        (MACHINE, CHILDREN, MANY),
    ),
    Mutant(
        "child runs that nobody needs any more are not stopped",
        PARENT,
        """await _family(desk).stop(held, _why(step, fan), "give_up" if fan.stop.reason == "limit" else "cancel")""",
        "_why(step, fan)",
        (MACHINE, CHILDREN),
    ),
    Mutant(
        "a parent closes while a child run lives",
        FAN,
        "return fan.live == 0 and (fan.stop is not None or fan.begun == fan.total)",
        "return fan.stop is not None or (fan.live == 0 and fan.begun == fan.total)",
        (MACHINE, CHILDREN),
    ),
    Mutant(
        "the window of child runs is ignored",
        FAN,
        'most = step.model.concurrency if step.type == "map" else fan.total',
        "most = fan.total",
        (CHILDREN, MANY),
    ),
    Mutant(
        "what was lent to a child run is not given back",
        LENDING,
        "out=_sum(spent.out, {limit: -amount for limit, amount in (child.lent or {}).items()}),",
        "out=spent.out,",
        (LENT,),
    ),
    Mutant(
        "a child run is lent more again where it has not heard of it yet",
        PARENT,
        "if noted <= has:",
        "if True:",
        (f"{LENT} -k parent_fails",),
    ),
    Mutant(
        "what a child run was lent and has not heard of does not come back",
        PARENT,
        "**fanning.lent(_fan(held), child.ended.index)}",
        "}",
        (f"{LENT} -k comes_back",),
    ),
    Mutant(
        "child runs are stopped before it is written down why",
        PARENT,
        "if fan.stop != written:",
        "if False:",
        (f"{LENT} -k goes_the_same_way",),
    ),
    Mutant(
        "a child run reads what is around it wherever its parent stood",
        "orchestration/executor/reading.py",
        "_outer.get((around.run, around.seq, name),",
        "_outer.get((around.run, 0, name),",
        (CHILDREN,),
    ),
    Mutant(
        "nobody looks for a child run that is to be counted",
        ENGINE,
        "await self._claim(set(to_join), 0 if self.group else SPARE)",
        "pass",
        (CHILDREN,),
    ),
    Mutant(
        "a full worker counts no child runs that are to be counted",
        ENGINE,
        "0 if self.group else SPARE",
        "0",
        (CHILDREN,),
    ),
    Mutant(
        "a run that was cancelled is quarantined, as a child run that is to be stopped",
        "orchestration/executor/escalate.py",
        "(waited or held.asked is not None)",
        "waited",
        (MEETINGS,),
    ),
    Mutant(
        "a suspect that waits for its child runs stays one",
        "orchestration/executor/held.py",
        ' or changes.get("wait") == "children"',
        "",
        (MEETINGS,),
    ),
    Mutant(
        "a called workflow gets the input of its caller",
        PARENT,
        "given = child_input(item, around) if called is None else _input(held, step)",
        "given = child_input(item, around) if called is None else held.input",
        (f"{CHILDREN} -k outcome_and_output", CHAOS),
    ),
    Mutant(
        "a called workflow that ends as a failure is done",
        FAMILY,
        """_HOW: dict[str, How] = {"succeeded": "done", "failed": "failed",""",
        """_HOW: dict[str, How] = {"succeeded": "done", "failed": "done",""",
        (f"{CHILDREN} -k one_that_fails", CHAOS),
    ),
    Mutant(
        "a limit of its own that a called workflow meets is the whole's",
        "orchestration/core/limits.py",
        "return lent is not None and (own is None or lent <= own)",
        "return lent is not None or own is not None",
        (f"{CHILDREN} -k limit_of_its_own", CHAOS),
    ),
    Mutant(
        "a child run that went on after a failure has failed",
        "orchestration/executor/settle.py",
        "failure = taken.failure if taken.outcome is None else failure or taken.failure",
        "failure = failure or taken.failure",
        (CHILDREN, CHAOS),
    ),
)
