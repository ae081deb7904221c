"""The environment, read once: every variable that Interlock knows, what it may be, and what its absence means.

Nothing set means the embedded mode: SQLite, one process, keys made at the first start and kept beside the database.
With DATABASE_URL it is the server mode, which makes up nothing: keys and host names have to be given.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptography.fernet import Fernet
from django.core.management.utils import get_random_secret_key
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from config.keys import kept_key
from orchestration.core.misfit_words import told

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"(\*|\.?[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])\Z", re.IGNORECASE)
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z")


class WrongEnvironment(Exception):
    """The environment can't be used. Its text names each variable, what is wrong with it, and what to set instead."""


def _words(value: Any) -> Any:
    return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value


def _host(text: str) -> str:
    if not _HOST.match(text):
        raise ValueError(f"{text!r} is not a host name; name it as in interlock.example, without scheme, port or path")
    return text.lower()


def _inner_host(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not _HOST.match(host) or host == "*" or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not a host and a port; give them as in 127.0.0.1:8080")
    return text.lower()


def _module(text: str) -> str:
    if not _MODULE.match(text):
        raise ValueError(f"{text!r} is not the name of a Python module, as in company.tools")
    return text


def _url(*schemes: str) -> AfterValidator:
    def check(text: str) -> str:
        try:
            parts = urlsplit(text)
            fits = parts.scheme in schemes and (bool(parts.hostname) or parts.scheme in ("unix", "memory"))
            fits = fits and (parts.port is None or parts.port > 0)
        except ValueError:
            fits = False
        if not fits:  # the value may hold a password: it is not repeated
            raise ValueError(f"it is not an address that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return text

    return AfterValidator(check)


def _secret_key(text: str) -> str:
    if len(text) < 32:
        raise ValueError("it is shorter than 32 characters; set a long random text, and keep it")
    return text


def _fernet_key(text: str) -> str:
    try:
        Fernet(text)
    except ValueError:
        raise ValueError("it is not a list of keys of 32 bytes in URL-safe base64; the first one encrypts, all decrypt") from None
    return text


Host = Annotated[str, AfterValidator(_host)]
InnerHost = Annotated[str, AfterValidator(_inner_host)]
Module = Annotated[str, AfterValidator(_module)]
FernetKey = Annotated[str, AfterValidator(_fernet_key)]


class Env(BaseModel):
    """What the environment says. Fields are named as the variables are, in small letters; empty counts as not set."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    database_url: Annotated[str, _url("postgres", "postgresql")] | None = Field(
        None, description="The database of the server mode; not set: SQLite in INTERLOCK_DATA, the embedded mode"
    )
    redis_url: Annotated[str, _url("redis", "rediss", "unix")] | None = Field(
        None, description="Redis for nudges between processes; not set: in memory, which is enough for one process"
    )
    broker_url: Annotated[str, _url("redis", "rediss", "amqp", "amqps", "memory")] | None = Field(
        None, description="Where Celery's hints travel; not set: REDIS_URL, else in memory"
    )
    secret_key: Annotated[str, AfterValidator(_secret_key)] = Field(
        "", description="Signs sessions; made and kept in INTERLOCK_DATA in the embedded mode"
    )
    secrets_key: Annotated[tuple[FernetKey, ...], BeforeValidator(_words)] = Field(
        (), description="Encrypts stored secrets; several keys, separated by commas, while rotating"
    )
    allowed_hosts: Annotated[tuple[Host, ...], BeforeValidator(_words)] = Field(
        LOOPBACK, description="Host names under which this site is reached; anything but loopback opens the port to the network"
    )
    interlock_data: Path = Field(ROOT / "data", description="Where the embedded mode keeps its database and its keys")
    interlock_reach: Annotated[tuple[InnerHost, ...], BeforeValidator(_words)] = Field(
        (), description="Inner hosts that tools and providers may call, as 127.0.0.1:8080,models.lan:11434"
    )
    interlock_runs: int = Field(1000, ge=1, le=100_000, description="How many runs one engine drives at a time")
    interlock_tools: Annotated[tuple[Module, ...], BeforeValidator(_words)] = Field(
        (), description="Python modules whose functions are registered as tools"
    )
    openai_api_key: str | None = Field(None, description="With it, or with OPENAI_BASE_URL, the samples run on a real model")
    openai_base_url: Annotated[str, _url("http", "https")] | None = Field(
        None, description="An OpenAI-compatible server, as http://127.0.0.1:8080/v1; its host counts as reachable"
    )
    anthropic_api_key: str | None = Field(
        None, description="With it, and neither OPENAI_API_KEY nor OPENAI_BASE_URL, the samples run on Anthropic's models"
    )

    @property
    def embedded(self) -> bool:
        return self.database_url is None

    @property
    def reach(self) -> tuple[str, ...]:
        """`interlock_reach` and the host of OPENAI_BASE_URL: who sets that address for the process means it to be called."""
        if self.openai_base_url is None:
            return self.interlock_reach
        parts = urlsplit(self.openai_base_url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return (*self.interlock_reach, f"{host}:{parts.port or {'http': 80, 'https': 443}[parts.scheme]}")

    @property
    def listens_on(self) -> str:
        """The address to bind: loopback, until ALLOWED_HOSTS names somebody else."""
        return "127.0.0.1" if set(self.allowed_hosts) <= set(LOOPBACK) else "0.0.0.0"  # noqa: S104

    @model_validator(mode="after")
    def _server_mode_makes_up_nothing(self) -> Self:
        if not self.embedded:
            missing = [name for name in ("secret_key", "secrets_key") if not getattr(self, name)]
            if "allowed_hosts" not in self.model_fields_set:
                missing.append("allowed_hosts")
            if missing:
                raise ValueError(f"with DATABASE_URL set, {' and '.join(map(str.upper, missing))} must be set too")
        return self


def read_env(environ: Mapping[str, str]) -> Env:
    """The environment as a value; raises `WrongEnvironment`. In the embedded mode, makes the keys that are not there yet."""
    given = {name: environ[name.upper()] for name in Env.model_fields if environ.get(name.upper(), "").strip()}
    try:
        env = Env.model_validate(given)
    except ValidationError as error:
        raise WrongEnvironment("\n".join(map(_sentence, error.errors()))) from None
    made: dict[str, Any] = {"interlock_data": env.interlock_data.expanduser().absolute()}
    if env.embedded:
        try:
            if not env.secret_key:
                made["secret_key"] = kept_key(made["interlock_data"] / "secret_key", get_random_secret_key)
            if not env.secrets_key:
                made["secrets_key"] = (kept_key(made["interlock_data"] / "secrets_key", lambda: Fernet.generate_key().decode()),)
        except OSError as error:
            raise WrongEnvironment(
                f"INTERLOCK_DATA: can't write to {made['interlock_data']} ({error.strerror}). "
                "Make it writable for this user, or set INTERLOCK_DATA to a folder that is."
            ) from None
    return env.model_copy(update=made)


def _sentence(error: Any) -> str:
    name = str(error["loc"][0]).upper() if error["loc"] else "Environment"
    reason = told(error, "it")
    return f"{name}: {reason[:1].lower()}{reason[1:]}"


POSTGRESQL = {
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "options": "-c idle_in_transaction_session_timeout=8s",
}
"""How long anybody waits for a server or a client that is gone without a word: for the first, a statement fails within ten
seconds; of the second, which may be a worker that sleeps, the server drops what it has locked, or every sweep would wait for it.
What the query of DATABASE_URL says counts instead."""


def database(env: Env) -> dict[str, Any]:
    """Django's settings of the one database. PostgreSQL uses Django's own pool; SQLite is set up so that no writer is lost."""
    if env.database_url is None:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": env.interlock_data / "interlock.sqlite3",
            # IMMEDIATE: a transaction that reads and then writes would otherwise fail at once where another one writes.
            # FULL: a commit that was answered survives a power cut.
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 35,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    parts = urlsplit(env.database_url)
    pool = {"min_size": 1, "max_size": 10, "timeout": 5}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_HEALTH_CHECKS": True,  # a connection that the server has dropped is not handed out
        "OPTIONS": {**POSTGRESQL, **dict(parse_qsl(parts.query)), "pool": pool},
    }
