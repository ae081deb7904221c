"""Definitions from the command line: check, push, run. The same code as behind the API, on this database."""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from orchestration import samples
from orchestration.acts import drafts, runs, workflows
from orchestration.acts.workflows import Checked
from orchestration.core import values
from orchestration.core.errors import InterlockError, Problem, Refused, Unreadable
from orchestration.core.proof.derivation import money
from orchestration.core.wording import counted, under, with_stop
from orchestration.models import Run
from orchestration.queries import runs as run_queries

BY = "console"
_PAUSE = 0.2


class Command(BaseCommand):
    help = "Checks definitions, stores and publishes them, and starts runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        check = verbs.add_parser("check", help="say what is wrong with definitions; 1 where there is an error")
        check.add_argument("files", nargs="+", metavar="FILE")
        push = verbs.add_parser("push", help="store definitions as drafts; with --publish as versions")
        push.add_argument("files", nargs="+", metavar="FILE")
        push.add_argument("--publish", action="store_true")
        run = verbs.add_parser("run", help="start a run of a published workflow and print its id")
        run.add_argument("id", metavar="WORKFLOW")
        run.add_argument("--input", default="{}", help="the input as JSON, or @file")
        run.add_argument("--key", default="", help="the business key")
        run.add_argument("--version-number", type=int, dest="number", help="which version; else the latest")
        run.add_argument(
            "--wait", action="store_true", help="until it has ended (0: succeeded, 1: not) or waits for a person (2)"
        )
        run.add_argument("--patience", type=float, default=3600.0, help="how many seconds to wait at most (3600)")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        samples.find_way()  # else what the server reaches would be out of reach here
        try:
            status = getattr(self, f"_{verb}")(options)
        except Unreadable as unreadable:  # a run's input: what a file can't be read for is told by its verb
            for problem in unreadable.problems:
                place = f"{under('input', problem.path)}: " if problem.path else ""
                said = place + problem.message if place else problem.message[:1].upper() + problem.message[1:]
                self.stdout.write(f"{options['id']}: {with_stop(said)} ({problem.code})")
            status = 1
        except Refused as refused:
            self._problems(options.get("id") or verb, refused.problems)
            status = 1
        except InterlockError as error:
            raise CommandError(str(error)) from None
        if status:
            sys.exit(status)

    def _check(self, options: dict[str, Any]) -> int:
        checks = [(name, workflows.check(_text(name))) for name in options["files"]]
        for name, checked in checks:
            self._problems(name, checked.problems)
            self.stdout.write(f"{name}: {_summary(checked)}")
        return 0 if all(checked.ok for _, checked in checks) else 1

    def _push(self, options: dict[str, Any]) -> int:
        good = True
        for name in options["files"]:
            try:
                pushed = drafts.push(text=_text(name), by=BY)
            except Refused as refused:
                self._problems(name, refused.problems)
                self.stdout.write(f"{name}: not stored")
                good = False
                continue
            self._problems(name, pushed.checked.problems)
            self.stdout.write(f"{name}: draft of {pushed.workflow.id}, revision {pushed.workflow.revision}")
            if options["publish"] and pushed.checked.ok:
                made = workflows.publish(workflow=pushed.workflow.id, by=BY)
                self.stdout.write(f"{name}: {pushed.workflow.id} version {made.number}")
            good = good and (pushed.checked.ok or not options["publish"])
        return 0 if good else 1

    def _run(self, options: dict[str, Any]) -> int:
        given = options["input"]
        given = values.parse_json(_text(given[1:]) if given.startswith("@") else given)
        run = runs.start(
            workflow=options["id"],
            input=given.value,
            mended=given.under("input"),
            by=BY,
            version=options["number"],
            key=options["key"],
        )
        self.stdout.write(run)
        return self._wait(run, options["patience"]) if options["wait"] else 0

    def _wait(self, run: str, patience: float) -> int:
        until = time.monotonic() + patience
        while True:
            if run_queries.rests(run, "person"):
                break
            if time.monotonic() > until:
                status = run_queries.standing(run)[0]
                raise CommandError(f"Run {run} is {status} still. It goes on; nobody waits for it here any more.")
            time.sleep(_PAUSE)
        found = run_queries.run(run)
        told = {"status": found.status, "outcome": found.outcome or None, "output": found.output, "error": found.error}
        self.stdout.write(values.dump({**told, "escalation": found.escalation}))
        return 0 if found.status == Run.Status.SUCCEEDED else 1 if found.over else 2

    def _problems(self, name: str, problems: Iterable[Problem]) -> None:
        for problem in problems:
            if problem.line is None and problem.message[:1].islower():  # about a value, whose place is what the sentence is about
                said = f"{problem.path} {problem.message}" if problem.path else problem.message[:1].upper() + problem.message[1:]
                self.stdout.write(f"{name}: {with_stop(said)} ({problem.code})")
                continue
            place = f"{name}:{problem.line}" if problem.line else name
            where = f" ({problem.path})" if problem.path else ""
            severity = "" if problem.severity == "error" else f"{problem.severity} "
            self.stdout.write(f"{place}: {severity}{problem.code} {with_stop(problem.message)}{where}")


def _text(name: str) -> bytes:
    """The file, `-` for what comes in. Raises `CommandError`."""
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name}: can't be read ({error.strerror}). Look for a slip of the pen.") from None


def _summary(checked: Checked) -> str:
    errors = sum(problem.severity == "error" for problem in checked.problems)
    warnings = sum(problem.severity == "warning" for problem in checked.problems)
    if checked.proof is None or errors:
        return counted(errors, "error")
    worst = checked.proof.worst.bound
    cost = "at unknown cost" if worst.cost_usd is None else money(worst.cost)
    noted = f", {counted(warnings, 'warning')}" if warnings else ""
    return f"good{noted}; at most {counted(worst.executions, 'step')}, {counted(worst.calls, 'call')}, {cost}"
