"""`manage.py up` as a person meets it: a process of its own, over a folder of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from orchestration import samples

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 60
"""Seconds after which a process that says nothing is ended, so that the test fails instead of hanging."""

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
_PASSWORD = re.compile(r"one-time password (\S+)$", re.MULTILINE)


class Up:
    """A running `manage.py up`; `said` is all that it has printed so far."""

    def __init__(self, data: Path, *options: str, **environment: str) -> None:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")}
        self.environment = {**kept, "INTERLOCK_DATA": str(data), "PYTHONUNBUFFERED": "1", **environment}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error::ResourceWarning", "manage.py", "up", *(options or ("--port", "0"))],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = ""
        self._watchdog = threading.Timer(PATIENCE, self.process.kill)
        self._watchdog.daemon = True
        self._watchdog.start()

    def until(self, words: str) -> str:
        """All it said, once that includes `words`."""
        assert self.process.stdout is not None
        while words not in self.said:
            line = self.process.stdout.readline()
            assert line, f"it ended before it said {words!r}:\n{self.said}"
            self.said += line
        return self.said

    def ready(self) -> str:
        """The address of the pages, once they are served."""
        address = _ADDRESS.search(self.until("Stop with Ctrl-C"))
        assert address is not None
        return address[0]

    def token(self) -> str:
        """A new token of the first account."""
        command = [sys.executable, "manage.py", "token"]
        ran = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=True)
        return ran.stdout.split()[-1]

    def ended(self) -> int:
        """The exit code, once it has ended, with the rest of what it said."""
        assert self.process.stdout is not None
        if not self.process.stdout.closed:
            self.said += self.process.communicate()[0]
            self._watchdog.cancel()
        return self.process.wait()


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def start(*options: str, **environment: str) -> Up:
        started.append(Up(tmp_path / "data", *options, **environment))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.ended()


def test_the_first_start_shows_a_password_once_and_the_next_tells_how_to_get_another(up: Callable[..., Up]) -> None:
    first = up()
    address = first.ready()
    assert "Embedded · SQLite · rehearsal" in first.said
    password = _PASSWORD.search(first.said)
    assert password is not None
    with httpx.Client(base_url=address, headers={"Referer": address}) as browser:
        assert browser.get("/healthz").json() == {"status": "ok"}
        browser.get("/account/login/")
        form = {"login": "admin", "password": password[1], "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        assert browser.post("/account/login/", data=form).headers["location"] == "/"
        assert browser.get("/admin/").headers["location"] == "/account/password/"
    first.process.send_signal(signal.SIGINT)
    assert first.ended() == 0
    assert "Traceback" not in first.said
    assert first.said.rstrip().endswith("Stopped.")

    second = up()
    second.ready()
    assert "password" not in second.said  # somebody has signed in


def test_who_missed_the_password_is_told_how_to_get_another(up: Callable[..., Up], tmp_path: Path) -> None:
    first = up()
    first.ready()
    first.process.kill()
    first.ended()
    second = up()
    second.ready()
    assert _PASSWORD.search(second.said) is None
    assert "manage.py account admin" in second.said


def test_a_killed_process_leaves_nothing_that_keeps_the_next_from_starting(up: Callable[..., Up]) -> None:
    first = up()
    first.ready()
    first.process.kill()
    assert first.ended() == -signal.SIGKILL
    second = up()
    assert httpx.get(f"{second.ready()}/healthz").status_code == 200


def test_a_run_that_was_under_way_when_the_process_was_killed_ends_as_its_title_says(up: Callable[..., Up], port: int) -> None:
    """What a killed process held goes on apart, in a child, which has to reach the sample service too."""
    example = samples.examples("support_triage")[0]
    first = up("--port", str(port))
    address = first.ready()
    headers = {"Authorization": f"Bearer {first.token()}", "Idempotency-Key": "once"}
    with httpx.Client(base_url=f"{address}/api/v1/", headers=headers, timeout=PATIENCE) as client:
        run = client.post("workflows/support_triage/runs", json={"input": example["input"]}).json()["id"]
        while client.get(f"runs/{run}").json()["position"] in ("", "customer"):
            pass
        first.process.kill()
        assert first.ended() == -signal.SIGKILL
        up("--port", str(port)).ready()
        ended = client.post("workflows/support_triage/runs?wait=30", json={"input": example["input"]}).json()
        worked = client.get(f"runs/{run}/records").json()["items"]
    assert (ended["id"], ended["outcome"]) == (run, example["ends"]), [record["result"] for record in worked]


_TOOLS = """
import pathlib, time, urllib.request
from orchestration.tools.registry import tool

@tool("desk.look", effect="none")
def look(port: int, folder: str, wanted: str) -> dict[str, int]:
    here = pathlib.Path(folder)
    (here / f"{wanted}.asked").touch()
    while not (here / wanted).exists():
        time.sleep(0.01)
    for _ in range(15):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz").close()
        time.sleep(0.05)
    return {"seen": 200}
"""
_LOOKING = """
interlock: 1
id: looking
input:
  type: object
  required: [port, folder, wanted]
  properties: {port: {type: integer}, folder: {type: string}, wanted: {type: string}}
outcomes: {seen: {kind: success}, broken: {kind: failure}}
on_failure: broken
start: look
steps:
  - id: look
    type: tool
    tool: desk.look
    input: {port: "${run.input.port}", folder: "${run.input.folder}", wanted: "${run.input.wanted}"}
    timeout: 60s
    next: done
  - {id: done, type: end, outcome: seen}
"""


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, str]:
    """The environment in which there is a tool that looks into this very server, once a file is there."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "desk_tools.py").write_text(_TOOLS)
    return {"PYTHONPATH": str(tmp_path / "modules"), "INTERLOCK_TOOLS": "desk_tools"}


def client_of(running: Up, address: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {running.token()}"}
    return httpx.Client(base_url=f"{address}/api/v1/", headers=headers, timeout=PATIENCE)


def publish_looking(client: httpx.Client) -> None:
    assert client.post("workflows", content=_LOOKING, headers={"Content-Type": "application/yaml"}).status_code < 300
    assert client.post("workflows/looking/publish", json={}).status_code == 200


def test_ctrl_c_changes_how_no_run_ends_and_answers_whoever_waits(
    up: Callable[..., Up], tmp_path: Path, port: int, tools: dict[str, str]
) -> None:
    """What a call under way needs of this server it still gets; a call that lasts longer is made again at the next start."""
    first = up("--port", str(port), **tools)

    def start(wanted: str) -> httpx.Response:
        given = {"port": port, "folder": str(tmp_path), "wanted": wanted}
        return client.post("workflows/looking/runs?wait=30", json={"input": given})

    with client_of(first, first.ready()) as client, ThreadPoolExecutor(2) as clients:
        publish_looking(client)
        answers = [clients.submit(start, wanted) for wanted in ("soon", "late")]
        while not all((tmp_path / f"{wanted}.asked").exists() for wanted in ("soon", "late")):
            pass
        os.killpg(first.process.pid, signal.SIGINT)
        first.until("Stopping")
        (tmp_path / "soon").touch()
        answered = [answer.result() for answer in answers]
        assert first.ended() == 0
        assert "Traceback" not in first.said
        assert [answer.status_code for answer in answered] == [200, 200], [answer.text for answer in answered]
        (tmp_path / "late").touch()
        second = up("--port", str(port), **tools)
        second.ready()
        for answer in answered:
            while not (run := client.get(f"runs/{answer.json()['id']}").json())["ended"]:
                pass
            assert run["outcome"] == "seen", client.get(f"runs/{run['id']}/records").json()
    second.process.kill()
    assert "no longer holds" not in second.said
    up().until("Version 1 of looking no longer holds")  # who starts it without its tools is told so


def test_it_stops_although_a_client_keeps_its_connection_open(up: Callable[..., Up]) -> None:
    running = up()
    host, port = running.ready().removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as idle, socket.create_connection((host, int(port))) as halfway:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert idle.recv(15) == b"HTTP/1.1 200 OK"
        halfway.sendall(b"POST /account/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nlo")
        running.process.send_signal(signal.SIGTERM)
        assert running.ended() == 0
    assert "Stopping" in running.said


def test_a_second_signal_ends_it_at_once(up: Callable[..., Up]) -> None:
    running = up()
    host, port = running.ready().removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as halfway:
        halfway.sendall(b"POST /account/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nlo")
        running.process.send_signal(signal.SIGINT)
        running.until("Stopping")
        running.process.send_signal(signal.SIGINT)
        assert running.ended() == 0


def test_a_taken_port_is_one_sentence_and_nothing_is_touched(up: Callable[..., Up], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        late = up("--port", str(port))
        assert late.ended() == 1
    assert late.said == (
        f"CommandError: Port {port} is taken, perhaps by another Interlock. "
        "Stop that program, or choose another one: make run PORT=8001\n"
    )
    assert not (tmp_path / "data" / "interlock.sqlite3").exists()


@pytest.mark.parametrize("port", ["70000", "-1"])
def test_a_port_that_is_none_is_one_sentence(up: Callable[..., Up], port: str) -> None:
    late = up("--port", port)
    assert late.ended() == 1
    assert late.said.startswith(f"CommandError: Can't listen on port {port}")
    assert late.said.count("\n") == 1


def test_a_wrong_environment_is_one_sentence(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "INTERLOCK_DATA": str(tmp_path), "REDIS_URL": "nonsense"}
    ran = subprocess.run([sys.executable, "manage.py", "up"], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "REDIS_URL: it is not an address that begins with redis:// or rediss:// or unix://.\n"
