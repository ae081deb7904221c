"""What stands in deploy/ and docs/server.md is true, as far as that shows without a container engine or an init: the commands are
run, and those of the units and of compose are the same ones."""

import os
import re
import secrets
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from io import StringIO
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import yaml
from celery.bin.worker import worker as celery_worker
from django.core.management import call_command
from django.urls import resolve
from uvicorn.main import main as uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from config import celery
from config.env import Env, read_env
from tests import services
from tests.repo import tree

DEPLOY = tree.ROOT / "deploy"
GUIDE = (tree.ROOT / "docs" / "server.md").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
OURS = ("migrate", "web", "worker")
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
HARD_END = celery.DRAIN + 5.0
"""Seconds after SIGTERM at which a worker ends at the latest, by itself."""
REQUIRED = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "SECRETS_KEY", "ALLOWED_HOSTS"}
PATIENCE = 180.0
OWN = {"--host", "--port", "--forwarded-allow-ips", "--hostname"}
"""Options by which a place differs from another."""


def block(name: str) -> str:
    """The commands of the guide that stand between these marks."""
    found = re.search(rf"<!-- {name} -->\n```sh\n(.*?)```\n<!-- /{name} -->", GUIDE, re.DOTALL)
    assert found, name
    return found[1]


def unit(path: Path) -> dict[str, list[str]]:
    """What a unit says, by key; a key may come several times."""
    said: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        key, mark, value = line.partition("=")
        if mark and not line.startswith("#"):
            said.setdefault(key, []).append(value)
    return said


def bare(command: list[str]) -> list[str]:
    """A command without where it lies, and without what is a place's own."""
    words = [command[0].rpartition("/")[2]]
    skip = False
    for word in command[1:]:
        if not skip and word not in OWN:
            words.append(word)
        skip = word in OWN
    return words


def guides(program: str) -> list[str]:
    """The guide's own command line of this program."""
    line = next(line for line in block("up").splitlines() if program in line.split(" ")[0])
    return bare(shlex.split(line.removesuffix("&")))


def _all() -> Iterator[list[str]]:
    for path in UNITS:
        yield shlex.split(unit(path)["ExecStart"][0].replace("%%", "%"))
    for name in ("web", "worker"):
        yield COMPOSE["services"][name]["command"]


@pytest.mark.parametrize("command", list(_all()), ids=lambda command: command[0].rpartition("/")[2])
def test_each_option_of_a_command_is_one_that_its_program_knows(command: list[str]) -> None:
    program, *options = command
    if program.endswith("celery"):
        assert options[:3] == ["-A", "config", "worker"]
        told = celery_worker.make_context("worker", options[3:], obj=SimpleNamespace(app=celery.app)).params
        assert (told["pool"].__module__, told["concurrency"]) == ("celery.concurrency.thread", 4)
    else:
        assert uvicorn.make_context("uvicorn", options).params["app"] == "config.asgi:application"


def test_units_and_compose_start_what_the_guide_starts() -> None:
    units = {path.stem: bare(shlex.split(unit(path)["ExecStart"][0])) for path in UNITS}
    assert units == {"interlock-web": guides("uvicorn"), "interlock-worker@": guides("celery")}
    services = {name: bare(COMPOSE["services"][name]["command"]) for name in ("web", "worker")}
    assert services == {"web": guides("uvicorn"), "worker": guides("celery")}
    assert COMPOSE["services"]["migrate"]["command"] == ["python", "manage.py", "migrate", "--no-input"]


class TestUnits:
    @pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
    def test_a_unit_starts_again_and_lets_a_worker_drain(self, path: Path) -> None:
        said = unit(path)
        assert (said["Restart"], said["StartLimitIntervalSec"], said["KillMode"]) == (["always"], ["0"], ["mixed"])
        assert float(said["TimeoutStopSec"][0]) > (HARD_END if "worker" in path.stem else 15)
        assert (said["User"], said["NoNewPrivileges"], said["ProtectSystem"]) == (["interlock"], ["yes"], ["strict"])
        assert said["EnvironmentFile"] == ["/etc/interlock/environment"]

    @pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze here")
    def test_systemd_finds_nothing_wrong(self, tmp_path: Path) -> None:
        """With this folder in the place of the one where it is to lie."""
        for path in UNITS:
            text = path.read_text(encoding="utf-8").replace("/opt/interlock", str(tree.ROOT))
            (tmp_path / path.name).write_text(text, encoding="utf-8")
        verify = ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
        done = subprocess.run(verify, capture_output=True, text=True, check=False)
        assert [line for line in done.stderr.splitlines() if "interlock" in line] == []

    def test_the_example_of_their_environment_is_one_once_its_keys_are_made(self) -> None:
        lines = (DEPLOY / "environment.example").read_text(encoding="utf-8").splitlines()
        given = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
        assert {name.lower() for name in given} <= Env.model_fields.keys()
        assert given.keys() >= REQUIRED
        empty = {name for name, value in given.items() if not value}
        assert empty == {"SECRET_KEY", "SECRETS_KEY"}, "no key is published"
        env = read_env({**given, "SECRET_KEY": "s" * 40, "SECRETS_KEY": "k" * 43 + "="})
        assert not env.embedded


class TestCompose:
    def test_each_process_has_all_that_it_needs_from_the_environment(self) -> None:
        for name in OURS:
            given = COMPOSE["services"][name]["environment"]
            assert {key.lower() for key in given} <= Env.model_fields.keys(), name
            assert given.keys() >= REQUIRED, name
            filled = {key: re.sub(r"\$\{[^}]*\}", "k" * 43 + "=", value) for key, value in given.items()}
            filled |= {"ALLOWED_HOSTS": "interlock.example", "INTERLOCK_REACH": ""}
            assert not read_env(filled).embedded

    def test_what_must_be_given_is_asked_for_and_nothing_is_published(self) -> None:
        for key in ("SECRET_KEY", "SECRETS_KEY", "ALLOWED_HOSTS"):
            assert COMPOSE["services"]["web"]["environment"][key].startswith(f"${{{key}:?")
        assert COMPOSE["services"]["web"]["ports"] == ["127.0.0.1:8000:8000"]
        assert not [name for name in COMPOSE["services"] if name != "web" and "ports" in COMPOSE["services"][name]]

    def test_everything_starts_again_in_order_and_a_worker_may_drain(self) -> None:
        services = COMPOSE["services"]
        assert {name: services[name]["restart"] for name in services} == {
            **dict.fromkeys(services, "unless-stopped"),
            "migrate": "no",
        }
        for name in ("web", "worker"):
            needs = services[name]["depends_on"]
            assert needs["migrate"] == {"condition": "service_completed_successfully"}
            assert needs["postgresql"] == {"condition": "service_healthy"}
        assert float(services["worker"]["stop_grace_period"].removesuffix("s")) > HARD_END
        assert {image.partition(":")[0] for image in (services[n]["image"] for n in services)} == {
            "interlock",
            "postgres",
            "redis",
        }
        assert services["postgresql"]["volumes"][0].partition(":")[0] in COMPOSE["volumes"]

    def test_whom_web_believes_is_the_network_of_compose(self) -> None:
        command = COMPOSE["services"]["web"]["command"]
        [network] = COMPOSE["networks"]["default"]["ipam"]["config"]
        believed = command[command.index("--forwarded-allow-ips") + 1]
        assert believed == network["subnet"]
        trusted = ProxyHeadersMiddleware(None, trusted_hosts=believed).trusted_hosts  # type: ignore[arg-type]
        gateway = str(next(ip_network(believed).hosts()))
        assert (gateway in trusted, "203.0.113.7" in trusted) == (True, False)


def test_the_image_is_made_of_the_locked_packages_and_run_by_nobody_special() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if "pip install" in line and "--require-hashes -r requirements.txt" in line]
    copied = [word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]]
    for_the_canvas = [".ci", "canvas", "requirements-node.txt"]
    rest = ["config", "dashboard", "manage.py", "orchestration", "requirements.txt", "static", "templates"]
    assert sorted(copied) == sorted(for_the_canvas + rest)
    assert "sh .ci/canvas needed" in text
    assert [line for line in lines if line.startswith("COPY --from") and line.endswith("static/built")]
    assert [word for word in copied if not (tree.ROOT / word).exists()] == []
    allowed = (tree.ROOT / ".dockerignore").read_text().split("\n")
    assert sorted(line[1:] for line in allowed if line.startswith("!")) == sorted(copied)
    user, *_ = (number for number, line in enumerate(lines) if line.startswith("USER interlock"))
    assert user > max(number for number, line in enumerate(lines) if line.startswith(("COPY", "RUN")))
    [started] = [yaml.safe_load(line.removeprefix("CMD ")) for line in lines if line.startswith("CMD ")]
    assert bare(started) == guides("uvicorn")[: len(bare(started))]
    version = re.search(r"FROM python:(3\.\d+)-slim", text)
    assert version
    assert (3, 11) <= tuple(map(int, version[1].split("."))) < (3, 15)


@pytest.mark.django_db
def test_the_commands_of_upkeep_are_there_and_take_what_they_are_given() -> None:
    for line in block("upkeep").splitlines():
        call_command(*shlex.split(line)[2:], stdout=StringIO(), stderr=StringIO())
    for name in re.findall(r"manage\.py ([a-z]+)", GUIDE):
        assert name == "migrate" or (tree.ROOT / "orchestration/management/commands" / f"{name}.py").exists(), name


class Scene:
    """The guide followed to the letter in a shell, on a database of its own, and with ports that are free."""

    def __init__(self, database: str, redis: str, folder: Path) -> None:
        self.database = database
        self.port = services.free_port()
        self.folder = folder
        self.changes = {
            "postgresql://interlock:password@127.0.0.1:5432/interlock": self.database,
            "redis://127.0.0.1:6379/0": redis,
            "redis://127.0.0.1:6379/1": redis,
            "8000": str(self.port),
            ".venv/bin/": f"{Path(sys.executable).parent}/",
            "interlock.dump": str(folder / "interlock.dump"),
            "data/interlock.sqlite3": str(folder / "interlock.sqlite3"),
            "'backup.sqlite3'": f"'{folder / 'backup.sqlite3'}'",
        }

    def script(self, *names: str, more: str = "") -> str:
        """What these blocks say, stopping at what fails."""
        text = "set -eu\n" + "".join(map(block, names)) + more
        return re.sub("|".join(map(re.escape, self.changes)), lambda found: self.changes[found[0]], text)

    def run(self, script: str, **environment: str) -> str:
        """What was printed. Whatever was started and has not ended by then ends with it."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        printed = self.folder / "printed"
        with printed.open("w") as out, (self.folder / "log").open("a") as log:
            shell = subprocess.Popen(
                ["bash", "-c", script], cwd=tree.ROOT, env={**kept, **environment}, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=out, stderr=log,
            )  # fmt: skip
            try:
                code = shell.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(shell.pid, signal.SIGKILL)
                shell.wait()
        assert code == 0, printed.read_text() + (self.folder / "log").read_text()
        return printed.read_text()


@pytest.fixture
def scene(redis_url: str, tmp_path: Path) -> Iterator[Scene]:
    with services.postgresql() as server, _database(server.url) as url:
        yield Scene(url, redis_url, tmp_path)


@contextmanager
def _database(url: str) -> Iterator[str]:
    name = f"interlock_guide_{secrets.token_hex(4)}"

    def fresh(*statements: str) -> None:
        with psycopg.connect(url, autocommit=True) as session:
            for statement in statements:
                session.execute(statement)

    drop = f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"
    fresh(drop, f"CREATE DATABASE {name}")
    try:
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        fresh(drop)


def _dumps(url: str) -> bool:
    """Whether there is a pg_dump for that server: an older one refuses."""
    if not shutil.which("pg_dump") or not shutil.which("pg_restore"):
        return False
    said = subprocess.run(["pg_dump", "--version"], capture_output=True, text=True, check=True).stdout
    with psycopg.connect(url) as session:
        return int(said.split()[2].split(".")[0]) >= session.info.server_version // 10_000


UNTIL_A_WORKER_LIVES = """
.venv/bin/python - <<END
import os, time, psycopg
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as session:
    while not session.execute("SELECT 1 FROM orchestration_worker").fetchone():
        time.sleep(0.1)
END
"""


def test_the_guide_brings_it_up_and_back_from_a_backup(scene: Scene) -> None:
    probe = COMPOSE["services"]["web"]["healthcheck"]["test"]
    assert probe[0] == "CMD"
    assert resolve("/healthz").view_name == "healthz"
    healthy = f"\n.venv/bin/{shlex.join(probe[1:])}\n"
    stop = "\nkill -TERM $(jobs -p)\nwait\necho all have ended\n"
    said = scene.run(scene.script("up", more=healthy + UNTIL_A_WORKER_LIVES + stop))
    assert "ada signs in once with" in said
    assert '{"status": "ok"}' in said
    assert said.endswith("all have ended\n")
    if not _dumps(scene.database):
        pytest.skip("there is no pg_dump here that is as new as the server")
    keys = {"SECRET_KEY": "s" * 40, "SECRETS_KEY": "k" * 43 + "=", "ALLOWED_HOSTS": "interlock.example"}
    said = scene.run(scene.script("backup", "restore"), DATABASE_URL=scene.database, **keys)
    assert "0 runs can go on" in said


def test_the_guide_copies_a_database_of_the_embedded_mode(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "interlock.sqlite3")) as made:
        made.execute("CREATE TABLE t AS SELECT 7 AS n")
    scene = Scene("postgresql://nobody", "redis://nobody", tmp_path)
    scene.run(scene.script("embedded"))
    with closing(sqlite3.connect(tmp_path / "backup.sqlite3")) as copied:
        assert copied.execute("SELECT n FROM t").fetchone() == (7,)
