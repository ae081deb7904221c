"""The samples: each proves without a problem, and each example ends as it says, on the engine, over real HTTP."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from dashboard.pages.start import examples_of
from orchestration import fsck, samples, tasks, vault
from orchestration.acts import drafts, reach, resolve, runs, workflows
from orchestration.core import source
from orchestration.core.contract import contract
from orchestration.core.definition import parse, walk
from orchestration.models import Act, Escalation, Provider, Run, Secret, Tool, Version, Workflow
from orchestration.queries.workflows import version
from orchestration.record.pack import unpack_all
from orchestration.samples import accounts, installation
from orchestration.samples.service import SampleService
from tests.engine.conftest import Floor
from tests.engine.previews import previewed
from tests.servers.asgi import nothing, serve

pytestmark = pytest.mark.any_database

NAMES = ("answer_with_sources", "invoice_reading", "support_triage")
FILES = {file.stem: file.read_text(encoding="utf-8") for file in installation.definitions()}


@pytest.fixture
def embedded(settings: Any) -> Any:
    settings.EMBEDDED = True
    return settings


@pytest.fixture
def port(embedded: Any, tmp_path: Path) -> Iterator[int]:
    with serve(SampleService(nothing, embedded.SECRET_KEY, tmp_path)) as address:
        yield int(address.rpartition(":")[2])


# What is installed


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_proves_without_a_problem_and_says_what_it_costs(db: None, embedded: Any, name: str) -> None:
    samples.install(8000)
    checked = workflows.check(FILES[name])
    assert checked.proof is not None
    assert checked.problems == ()
    worst = checked.proof.as_dict()["worst"]
    limits = checked.definition.workflow.limits if checked.definition else None
    assert limits is not None
    assert limits.on_breach
    assert limits.cost_usd
    assert 0.5 * limits.cost_usd < worst["cost_usd"] <= limits.cost_usd


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_has_what_it_is_there_to_show(name: str) -> None:
    definition = parse(FILES[name])
    steps = [step for _, step in walk(definition.workflow.steps)]
    kinds = {step.type for step in steps}
    assert {"llm", "tool", "human", "end"} <= kinds
    assert any(step.type == "loop" or getattr(step, "tools", ()) for step in steps)
    models = [step for step in steps if step.type == "llm"]
    assert all(step.checks and step.repair.attempts and step.fallback for step in models)
    assert all(step.title for step in steps)
    assert definition.workflow.note
    assert parse(source.write(definition.data)).hash == definition.hash


def test_every_example_fits_the_input_that_its_sample_expects() -> None:
    for name in NAMES:
        definition = parse(FILES[name])
        ends = definition.workflow.outcomes.keys() | {step.id for _, step in walk(definition.workflow.steps)}
        for example in samples.examples(name):
            assert contract(definition.workflow.input).check(example["input"], "input") == ()
            assert example["ends"] in ends
    assert samples.examples("nothing") == []


def test_installing_again_changes_nothing(db: None, embedded: Any) -> None:
    samples.install(8000)
    acts = list(Act.objects.values_list("subject", "verb"))
    assert ("workflow:support_triage", "publish") in acts
    assert set(Workflow.objects.filter(sample=True).values_list("id", flat=True)) == set(NAMES)
    assert Version.objects.count() == 3
    samples.install(8000)
    assert list(Act.objects.values_list("subject", "verb")) == acts


def test_another_process_finds_the_samples_as_clean_as_the_server_does(db: None, embedded: Any) -> None:
    samples.install(8000)
    embedded.REACH = ()
    assert {problem.code for problem in workflows.check(FILES["support_triage"]).problems} == {"out_of_reach"}
    out = StringIO()
    call_command("workflow", "check", str(installation.definitions()[-1]), stdout=out)
    assert ": good; at most" in out.getvalue()


def test_another_port_changes_the_tools_alone(db: None, embedded: Any) -> None:
    samples.install(8000)
    before = Act.objects.count()
    samples.install(8001)
    changed = list(Act.objects.order_by("id").values_list("subject", flat=True))[before:]
    assert changed == [f"tool:{name}" for name in installation.tools(8001)]
    assert "127.0.0.1:8001" in embedded.REACH


def test_what_a_person_wrote_stays_and_what_is_old_is_renewed(db: None, embedded: Any) -> None:
    samples.install(8000)
    drafts.push(text=FILES["support_triage"].replace("title: Support triage", "title: Ours"), by="dora")
    drafts.push(text=FILES["invoice_reading"] + "# older\n", by=installation.BY)
    reach.put_provider(name="small", body={"protocol": "rehearsal", "default_model": "ours"}, by="ada")
    reach.put_provider(name="default", body={"protocol": "rehearsal", "default_model": "older"}, by=installation.BY)
    tool = installation.tools(8000)["desk.assign"]
    reach.put_tool(name="desk.assign", body={**tool, "title": "Ours"}, by="ada")
    samples.install(8001)
    assert "title: Ours" in Workflow.objects.get(id="support_triage").draft
    assert Workflow.objects.get(id="invoice_reading").draft == FILES["invoice_reading"]
    models = dict(Provider.objects.values_list("name", "default_model"))
    assert models == {"small": "ours", "default": "rehearsal-default"}
    assert unpack_all([Tool.objects.get(name="desk.assign").definition])[0]["title"] == "Ours"


def test_a_workflow_of_somebody_that_has_a_samples_name_stays(db: None, embedded: Any) -> None:
    drafts.push(text=FILES["support_triage"].replace("title: Support triage", "title: Ours"), by="dora")
    samples.install(8000)
    found = Workflow.objects.get(id="support_triage")
    assert (found.title, found.sample) == ("Ours", False)


def test_in_the_server_mode_there_are_no_samples(db: None, settings: Any) -> None:
    settings.EMBEDDED = False
    samples.install(8000)
    assert not Workflow.objects.exists()
    assert not Secret.objects.exists()


async def one_model(scope: Any, receive: Any, send: Any) -> None:
    """A server that lists one model, to who has the key."""
    known = scope["path"] == "/v1/models" and (b"authorization", b"Bearer sk-test") in scope["headers"]
    await send({"type": "http.response.start", "status": 200 if known else 404, "headers": []})
    await send({"type": "http.response.body", "body": b'{"object": "list", "data": [{"id": "local-7b"}]}'})


@pytest.mark.parametrize(("application", "model"), [(one_model, "local-7b"), (nothing, accounts.MODEL)])
def test_with_a_model_in_the_environment_the_samples_run_on_it(db: None, embedded: Any, application: Any, model: str) -> None:
    samples.install(8000)
    with serve(application) as address:
        embedded.OPENAI_BASE_URL, embedded.OPENAI_API_KEY = f"{address}/v1", "sk-test"
        embedded.REACH = (address.removeprefix("http://"),)
        samples.install(8000)
    for name in accounts.NAMES:
        row = Provider.objects.get(name=name)
        assert (row.protocol, row.base_url, row.secret) == ("openai", f"{address}/v1", "openai")
        assert row.default_model == model
    embedded.OPENAI_BASE_URL = embedded.OPENAI_API_KEY = None
    samples.install(8000)
    assert Provider.objects.get(name="default").protocol == "rehearsal"


def test_with_a_key_of_anthropics_alone_the_samples_run_on_its_models(db: None, embedded: Any) -> None:
    embedded.ANTHROPIC_API_KEY = "sk-ant-test"
    samples.install(8000)
    assert vault.resolve([accounts.ANTHROPIC_KEY]) == {accounts.ANTHROPIC_KEY: "sk-ant-test"}
    for name in accounts.NAMES:
        row = Provider.objects.get(name=name)
        assert (row.protocol, row.secret, row.base_url) == ("anthropic", "anthropic", "https://api.anthropic.com/v1")
    acts = Act.objects.count()
    samples.install(8000)
    assert Act.objects.count() == acts
    embedded.OPENAI_API_KEY = "sk-test"
    samples.install(8000)
    assert set(Provider.objects.values_list("protocol", flat=True)) == {"openai"}
    embedded.ANTHROPIC_API_KEY = embedded.OPENAI_API_KEY = None
    samples.install(8000)
    row = Provider.objects.get(name="default")
    assert (row.protocol, row.secret) == ("rehearsal", "")


# What runs


@pytest.fixture
def floor(transactional_db: None, port: int) -> Iterator[Floor]:
    samples.install(port)
    for name in accounts.NAMES:
        body = accounts.wanted(name, None)
        reach.put_provider(name=name, body={**body, "options": {**body["options"], "speed": 0}}, by="ada")
    floor = Floor(None)  # type: ignore[arg-type]
    floor.engine.start()
    tasks.use_engine(floor.engine)
    yield floor
    tasks.use_engine(None)
    floor.engine.stop(grace=1.0)
    assert [str(finding) for finding in fsck.check()] == []


def play(floor: Floor, called: str = "") -> dict[str, Run]:
    """All examples of all samples at once; the runs as `workflow: title`, once each has ended or asks a person. `called`: what
    the ids of steps begin with there."""
    given = [(f"{name}: {e['title']}", name, e) for name in NAMES for e in samples.examples(name)]
    started = {title: runs.start(workflow=name, input=e["input"], by="otto") for title, name, e in given}
    found = {title: floor.rested(run) for title, run in started.items()}
    for title, _, example in given:
        run = found[title]
        ends = run.outcome or floor.escalation(run).step.removeprefix(called)
        assert ends == example["ends"], f"{title}: {run.place} {run.error}"
    return found


def trouble(floor: Floor, run: Run) -> list[str]:
    """Calls that failed, and those that are no first attempt."""
    calls = floor.calls(run)
    return [f"{path} {kind} {error}".strip() for path, kind, error in calls if error or kind != "attempt"]


AWAY = ["attempt unavailable", "retry unavailable", "fallback"]
SHOWN = {
    "support_triage: An answer that has to be repaired": ["classify attempt invalid_output", "classify repair"],
    "support_triage: The main model is away": [f"classify {what}" for what in AWAY],
    "support_triage: No model can sort it": [
        *(f"classify {what}" for what in AWAY[:2]),
        "classify fallback invalid_output",
        "classify repair invalid_output",
    ],
    "support_triage: The desk is busy": ["customer attempt unavailable", "customer retry unavailable", "customer retry"],
    "support_triage: Nobody knows this customer": ["customer attempt not_found"],
    "support_triage: A reply whose fate is unknown": ["send attempt unknown"],
    "invoice_reading: An answer that has to be repaired": ["reading[1]/read attempt invalid_output", "reading[1]/read repair"],
    "invoice_reading: The main model is away": [
        "reading[1]/read attempt rate_limited",
        "reading[1]/read retry rate_limited",
        "reading[1]/read fallback",
        "post attempt unavailable",
        "post retry unavailable",
        "post retry",
    ],
    "invoice_reading: An invoice that came twice": ["post attempt refused"],
    "answer_with_sources: A source that has to be repaired": [
        "refine[1]/answer attempt invalid_output",
        "refine[1]/answer repair",
    ],
    "answer_with_sources: The main model is away": [f"refine[1]/answer {what}" for what in AWAY],
}
ROUNDS = {
    "invoice_reading: The books object to the first reading": (2, "reading.until"),
    "invoice_reading: A smudged order number": (2, "reading.progress"),
    "answer_with_sources: Better in the second round": (2, "refine.until"),
    "answer_with_sources: No further": (2, "refine.progress"),
    "answer_with_sources: Better each time, and still not good enough": (3, "refine.max"),
}
CORRECTED = {
    "supplier": "Kontor Nord AS",
    "number": "KN-55902",
    "order": "PO-7819",
    "date": "2026-04-22",
    "currency": "EUR",
    "net": 620,
    "tax": 155,
    "total": 775,
}
ANSWERS: dict[str, tuple[str, dict[str, Any], str]] = {
    "support_triage: A refund, which a person decides": ("send", {"reply": "Dear Joana, the money is on its way."}, "answered"),
    "support_triage: Nobody knows this customer": ("hand_over", {}, "handed_over"),
    "support_triage: It is not clear what is wanted": ("send", {"reply": "Dear Tom, what did we discuss?"}, "answered"),
    "support_triage: A reply whose fate is unknown": ("happened", {"message_id": "M-00001"}, "answered"),
    "invoice_reading: A smudged order number": ("post", CORRECTED, "posted"),
    "invoice_reading: A sum that a person looks at": ("reject", {}, "rejected"),
    "answer_with_sources: No further": ("none", {}, "no_answer"),
    "answer_with_sources: Better each time, and still not good enough": ("give", {"answer": "So it is."}, "answered"),
}


def test_every_example_shows_what_it_says_and_a_person_can_finish_it(floor: Floor) -> None:
    found = play(floor)
    assert {title: trouble(floor, run) for title, run in found.items() if trouble(floor, run)} == SHOWN
    for title, (rounds, rule) in ROUNDS.items():
        assert left_loop(floor, found[title]) == (rounds, rule), title
    waiting = {title for title, run in found.items() if run.status == Run.Status.WAITING}
    assert waiting == ANSWERS.keys()
    marked = [(name, each) for name in NAMES for each in examples_of(version(name)) if each["asks"]]
    assert waiting == {f"{name}: {each['title']}" for name, each in marked}, "the run form says which of them ask a person"
    for title in waiting:
        action, values, outcome = ANSWERS[title]
        resolve.resolve(escalation=floor.escalation(found[title]).id, action=action, values=values, by="otto")
        assert floor.ended(found[title].id).outcome == outcome, title
    assert not Escalation.objects.filter(status__in=Escalation.PENDING).exists()
    assert min(previewed()[kind] for kind in ("llm", "tool", "branch", "prompt")) > 5


def left_loop(floor: Floor, run: Run) -> tuple[int, str]:
    """How many rounds its loop made, and the rule that ended the last one, as `refine.until`."""
    records = [record for record in floor.records(run) if "]/" in record["path"]]
    place = records[-1]["path"].partition("[")[0]
    rounds = {record["path"].partition("]")[0] for record in records}
    return len(rounds), f"{place}.{records[-1]['decision']['rule'].rpartition('.')[2]}"


OWN_WORDS = [
    ("support_triage", {"ticket": "T-1", "customer": "C-1077", "text": "Give me my money back!"}, "ask"),
    ("support_triage", {"ticket": "T-2", "customer": "C-1077", "text": "The app crashes.\nAgain and again."}, "answered"),
    ("support_triage", {"ticket": "T-3", "customer": "C-1113", "text": "Hi. Wie geht das mit dem Teilen?"}, "answered"),
    ("support_triage", {"ticket": "T-4", "customer": "C-1113", "text": "?"}, "ask"),
    ("invoice_reading", {"document": "mine", "text": "Somebody & Sons\n12 things, 40.00\n"}, "correct"),
    ("invoice_reading", {"document": "mine", "text": "Nothing"}, "correct"),
    ("answer_with_sources", {"question": "Who books trains?"}, "answered"),
    ("answer_with_sources", {"question": "Zzz?"}, "ask"),
]


def test_the_rehearsal_has_an_answer_to_anyones_own_words(floor: Floor) -> None:
    started = [runs.start(workflow=name, input=given, by="otto") for name, given, _ in OWN_WORDS]
    for run, (name, given, ends) in zip(map(floor.rested, started), OWN_WORDS, strict=True):
        assert (run.outcome or floor.escalation(run).step) == ends, f"{name} {given}: {run.error}"


def test_a_sample_whose_steps_are_called_something_else_is_rehearsed_all_the_same(floor: Floor) -> None:
    for name in NAMES:
        commands = [{"do": "rename", "id": step.id, "to": f"my_{step.id}"} for _, step in walk(parse(FILES[name]).workflow.steps)]
        drafts.edit(workflow=name, commands=commands, revision=Workflow.objects.get(id=name).revision, by="dora")
        workflows.publish(workflow=name, by="dora")
    play(floor, "my_")


@pytest.mark.parametrize("name", NAMES)
def test_a_rehearsal_speaks_of_steps_that_there_are(name: str) -> None:
    steps = {step.id for _, step in walk(parse(FILES[name]).workflow.steps) if step.type == "llm"}
    keys = {"step", "when", "matches", "path", "visit", "call", "round", "reply", "tools", "error", "message", "seconds"}
    for account in accounts.NAMES:
        for rule in accounts.wanted(account, None)["options"]["scripts"][name]:
            assert rule["step"] in steps
            assert rule.keys() <= keys
            assert 0.4 <= rule["seconds"] <= 1.2
