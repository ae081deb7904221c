"""`make shots`: a picture of every page in its states, light and dark, wide and phone, into docs/shots/.

A server process of its own over a new folder, with the samples on their rehearsal; runs are started over HTTP as a client would.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from playwright.sync_api import Browser, Page, sync_playwright

from tests import browser
from tests.orders import orders

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "shots"
SIZES = {"wide": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
TALLEST = 2600
BROKEN = "interlock: 1\nid: broken\nsteps:\n  - {id: a, type: llm, prompt: 'Hello {{ nobody }}', next: nowhere}\n"

SCHEDULES = (
    ("Half past two each night", "30 2 * * *", "Europe/Berlin"),
    ("Every quarter of an hour on weekdays", "*/15 * * * MON-FRI", "America/New_York"),
    ("Last day of the month", "0 6 L * *", "UTC"),
)

_SESSION = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from orchestration.accounts import give_role
from orchestration.roles import Role
user, _ = User.objects.get_or_create(username="ada")
give_role(user, Role.ADMIN)
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.save()
print(session.session_key)
"""


class Site:
    """`manage.py up` over a new folder, and a client of it."""

    def __init__(self, data: Path) -> None:
        self.environment = {**os.environ, "INTERLOCK_DATA": str(data), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", "0"], cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.address = ""
        for line in self.process.stdout:
            if "http://" in line:
                self.address = line.split()[-1]
            if "Ctrl-C" in line:
                break
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def sign_in(self) -> None:
        self.cookie = self.manage("shell", "--verbosity", "0", "-c", _SESSION).split()[-1]
        self.token = self.manage("token", "--user", "ada").split()[-1]

    def manage(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    def post(self, path: str, body: Any, kind: str = "application/json") -> Any:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        with urllib.request.urlopen(urllib.request.Request(self.address + path, data, headers)) as answer:
            return json.load(answer)

    def get(self, path: str) -> Any:
        asked = urllib.request.Request(self.address + path, headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(asked) as answer:
            return json.load(answer)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(15)


@contextmanager
def site() -> Iterator[Site]:
    folder = Path(tempfile.mkdtemp(prefix="interlock-shots-"))
    found = Site(folder)
    try:
        found.sign_in()
        yield found
    finally:
        found.stop()
        shutil.rmtree(folder, ignore_errors=True)


def fill(found: Site) -> dict[str, str]:
    """A run of every example, followed until it ends or waits; a run by how it ended, for the pages that show one."""
    ended: dict[str, str] = {}
    for name in ("support_triage", "invoice_reading", "answer_with_sources"):
        for example in yaml.safe_load((ROOT / f"orchestration/samples/examples/{name}.yaml").read_text(encoding="utf-8")):
            run = found.post(f"/api/v1/workflows/{name}/runs?wait=30", {"input": example["input"]})
            ended.setdefault(f"{name}-{run['status']}", run["id"])
    return {**ended, "lanes": lanes(found)}


def lanes(found: Site) -> str:
    """A run with many child runs, of which some failed and some wait for a person."""
    found.post("/api/v1/workflows", orders(max_items=400))
    found.post("/api/v1/workflows/orders/publish", {})
    kinds = ("plain", "plain", "odd", "plain", "plain", "broken", "plain")
    names = [kind if kind == "broken" else f"{kind} {number}" for number, kind in enumerate(kinds * 40)]
    run = found.post("/api/v1/workflows/orders/runs?wait=5", {"input": {"orders": names}, "key": "O-12"})
    return str(run["id"])


def change(found: Site) -> None:
    """Of what is published already: something to publish again."""
    text = (ROOT / "orchestration/samples/support_triage.yaml").read_text(encoding="utf-8")
    changed = text.replace("steps.classify.label == 'refund'", "steps.classify.label in ['refund', 'bug']", 1)
    assert changed != text
    found.post("/api/v1/workflows", changed, "application/yaml")


def schedule(found: Site) -> None:
    """A schedule of each kind: one that is on, one by the minute, one that is paused."""
    example = {"ticket": "T-2001", "customer": "C-1042", "text": "How do I export my notes as PDF?"}
    for name, cron, zone in SCHEDULES:
        body = {"name": name, "cron": cron, "zone": zone, "input": example, "labels": {"team": "desk"}}
        made = found.post("/api/v1/workflows/support_triage/schedules", body)
    found.post(f"/api/v1/schedules/{made['id']}/pause", {})


def pages(found: Site, ended: dict[str, str]) -> dict[str, str]:
    """Name of the picture → address."""
    questions = found.get("/api/v1/escalations?status=open")["items"]
    schedules = found.get("/api/v1/workflows/support_triage/schedules")["items"]
    fixed = {
        "schedules": "/workflows/support_triage/schedules/",
        "schedules-empty": "/workflows/invoice_reading/schedules/",
        "schedule": f"/workflows/support_triage/schedules/{schedules[0]['id']}/",
        "schedule-new": "/workflows/support_triage/schedules/new/",
        "workflows": "/workflows/",
        "workflow-new": "/workflows/new/",
        "workflow": "/workflows/support_triage/",
        "workflow-design": "/workflows/support_triage/design/?step=classify",
        "workflow-design-loop": "/workflows/answer_with_sources/design/",
        "workflow-draft": "/workflows/support_triage/?version=draft&step=ask",
        "workflow-settings": "/workflows/support_triage/settings/",
        "workflow-publish": "/workflows/support_triage/publish/",
        "workflow-proof": "/workflows/support_triage/proof/",
        "workflow-versions": "/workflows/support_triage/versions/",
        "workflow-edit": "/workflows/support_triage/edit/",
        "workflow-edit-problems": "/workflows/broken/edit/",
        "workflow-try": "/workflows/support_triage/try/?step=classify",
        "workflow-run": "/workflows/support_triage/run/",
        "runs": "/runs/",
        "runs-empty": "/runs/?key=there-is-no-such-key",
        "inbox": "/inbox/",
        "inbox-done": "/inbox/?show=done",
        "health": "/settings/",
        "providers": "/settings/providers/",
        "tools": "/settings/tools/",
        "secrets": "/settings/secrets/",
        "tokens": "/settings/tokens/",
        "people": "/settings/people/",
        "reference": "/reference/",
        "not-found": "/workflows/nothing/",
    }
    shown = {f"run-{name}": f"/runs/{run}/" for name, run in ended.items()}
    asked = {f"question-{item['step']}": f"/inbox/{item['id']}/" for item in questions if not item["parent"]}
    of_a_lane = next(item for item in questions if item["parent"])
    lane = {"question-lane": f"/inbox/{of_a_lane['id']}/", "run-lane": f"/runs/{of_a_lane['run']}/"}
    return {**fixed, **shown, **asked, **lane}


def shoot(chromium: Browser, found: Site, address: str, name: str, theme: str, size: str) -> None:
    context = chromium.new_context(
        base_url=found.address, viewport=SIZES[size], color_scheme=theme, reduced_motion="reduce",  # type: ignore[arg-type]
    )  # fmt: skip
    if name != "sign-in":
        context.add_cookies([{"name": "interlock_session", "value": found.cookie, "url": found.address}])
    page: Page = context.new_page()
    page.goto(address, wait_until="load")
    page.evaluate("document.fonts.ready")
    if page.locator("workflow-canvas").is_visible():
        page.locator(".cv[data-ready]").wait_for()
    if "step=" in address:
        page.locator("#panel, #tried").first.wait_for()
    tall = min(int(page.evaluate("document.documentElement.scrollHeight")), TALLEST)
    page.set_viewport_size({"width": SIZES[size]["width"], "height": max(tall, SIZES[size]["height"])})
    page.screenshot(path=FOLDER / f"{name}.{size}.{theme}.png")
    if (name, theme, size) == ("workflow-design", "light", "wide"):
        page.screenshot(path=ROOT / "docs" / "design.png")
    if (name, theme, size) == ("run-support_triage-waiting", "light", "wide"):
        page.set_viewport_size({"width": 1440, "height": 980})
        page.goto(f"{address}?seq=8", wait_until="load")
        page.get_by_text("Live", exact=True).first.wait_for()
        page.screenshot(path=ROOT / "docs" / "run.png")
    context.close()


def main() -> None:
    only = sys.argv[1:]
    if not only:
        shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with site() as found, sync_playwright() as play:
        empty = {"sign-in": "/account/login/", "inbox-empty": "/inbox/", "runs-none": "/runs/"}
        chromium = play.chromium.launch(executable_path=browser.find(), args=list(browser.FLAGS))
        _shoot_all(chromium, found, empty, only)
        print("Running every example …", flush=True)
        ended = fill(found)
        found.post("/api/v1/workflows", BROKEN, "application/yaml")
        schedule(found)
        change(found)
        _shoot_all(chromium, found, pages(found, ended), only)
        chromium.close()


def _shoot_all(chromium: Browser, found: Site, wanted: dict[str, str], only: list[str]) -> None:
    for name, address in wanted.items():
        if only and not any(name.startswith(word) for word in only):
            continue
        print(f"  {name}", flush=True)
        for theme in ("light", "dark"):
            for size in SIZES:
                shoot(chromium, found, address, name, theme, size)


if __name__ == "__main__":
    main()
