"""What the environment may say, and the sentence that answers what it may not."""

import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from config.env import POSTGRESQL, Env, WrongEnvironment, database, read_env

KEY = Fernet.generate_key().decode()
SERVER = {
    "DATABASE_URL": "postgres://ann:p%40ss@db.example:5433/interlock?sslmode=require&connect_timeout=9",
    "SECRET_KEY": "s" * 40,
    "SECRETS_KEY": KEY,
    "ALLOWED_HOSTS": "interlock.example",
}


def test_nothing_set_is_the_embedded_mode_with_keys_of_its_own(tmp_path: Path) -> None:
    data = tmp_path / "data"
    env = read_env({"INTERLOCK_DATA": str(data), "REDIS_URL": " "})
    assert env.embedded
    assert env.listens_on == "127.0.0.1"
    assert (env.redis_url, env.reach) == (None, ())
    assert len(env.secret_key) >= 50
    Fernet(env.secrets_key[0])
    assert read_env({"INTERLOCK_DATA": str(data)}) == env
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in data.iterdir()} == {0o600}
    assert {path.name for path in data.iterdir()} == {"secret_key", "secrets_key"}


def test_sqlite_is_set_up_so_that_no_commit_is_lost(tmp_path: Path) -> None:
    options = database(read_env({"INTERLOCK_DATA": str(tmp_path)}))["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]
    assert "synchronous=FULL" in options["init_command"]


def test_a_database_url_becomes_django_settings() -> None:
    settings = database(read_env(SERVER))
    pool = settings["OPTIONS"].pop("pool")
    assert pool["max_size"] > 1
    assert "idle_in_transaction_session_timeout" in settings["OPTIONS"]["options"]
    assert settings == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "interlock",
        "USER": "ann",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "5433",
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**POSTGRESQL, "sslmode": "require", "connect_timeout": "9"},
    }


def test_the_host_of_a_models_base_url_is_reachable_as_it_was_named() -> None:
    for url, reached in (
        ("http://127.0.0.1:8080/v1", "127.0.0.1:8080"),
        ("https://models.example/v1", "models.example:443"),
        ("http://[::1]:11434/v1", "[::1]:11434"),
    ):
        assert read_env({**SERVER, "OPENAI_BASE_URL": url, "INTERLOCK_REACH": "10.0.0.5:80"}).reach == ("10.0.0.5:80", reached)


def test_several_values_are_separated_by_commas() -> None:
    env = read_env({**SERVER, "SECRETS_KEY": f"{KEY}, {KEY}", "ALLOWED_HOSTS": "a.example, [::1],.b.example"})
    assert env.secrets_key == (KEY, KEY)
    assert env.allowed_hosts == ("a.example", "[::1]", ".b.example")
    assert env.listens_on == "0.0.0.0"


WRONG = [
    ({"DATABASE_URL": "mysql://ann:hidden@db/x"}, "DATABASE_URL: it is not an address that begins with postgres://"),
    ({"DATABASE_URL": "postgres://"}, "DATABASE_URL: it is not an address"),
    ({"DATABASE_URL": "postgres://db.example:port/x"}, "DATABASE_URL: it is not an address"),
    ({"REDIS_URL": "localhost:6379"}, "REDIS_URL: it is not an address that begins with redis://"),
    ({"BROKER_URL": "kafka://x"}, "BROKER_URL: it is not an address"),
    ({"SECRET_KEY": "short"}, "SECRET_KEY: it is shorter than 32 characters"),
    ({"SECRETS_KEY": "not-a-key"}, "SECRETS_KEY: it is not a list of keys of 32 bytes"),
    ({"SECRETS_KEY": f"{KEY},half"}, "SECRETS_KEY: it is not a list of keys of 32 bytes"),
    ({"ALLOWED_HOSTS": "https://interlock.example"}, "ALLOWED_HOSTS: 'https://interlock.example' is not a host name"),
    ({"INTERLOCK_REACH": "127.0.0.1"}, "INTERLOCK_REACH: '127.0.0.1' is not a host and a port"),
    ({"INTERLOCK_REACH": "http://127.0.0.1:80"}, "INTERLOCK_REACH: 'http://127.0.0.1:80' is not a host and a port"),
    ({"INTERLOCK_REACH": "127.0.0.1:99999"}, "INTERLOCK_REACH: '127.0.0.1:99999' is not a host and a port"),
    ({"INTERLOCK_REACH": "*:80"}, "INTERLOCK_REACH: '*:80' is not a host and a port"),
    ({"INTERLOCK_TOOLS": "company/tools.py"}, "INTERLOCK_TOOLS: 'company/tools.py' is not the name of a Python module"),
    ({"INTERLOCK_RUNS": "many"}, 'INTERLOCK_RUNS: it has to be a whole number; it is "many".'),
    ({"INTERLOCK_RUNS": "0"}, 'INTERLOCK_RUNS: it has to be at least 1; it is "0".'),
    ({"OPENAI_BASE_URL": "models.example/v1"}, "OPENAI_BASE_URL: it is not an address that begins with http://"),
]


@pytest.mark.parametrize(("wrong", "sentence"), WRONG, ids=[f"{name} {value}" for row, _ in WRONG for name, value in row.items()])
def test_a_wrong_value_is_one_sentence_that_names_the_variable(wrong: dict[str, str], sentence: str) -> None:
    with pytest.raises(WrongEnvironment) as caught:
        read_env({**SERVER, **wrong})
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRETS_KEY", "ALLOWED_HOSTS"])
def test_the_server_mode_makes_nothing_up(name: str) -> None:
    environ = {key: value for key, value in SERVER.items() if key != name}
    with pytest.raises(WrongEnvironment, match=f"with DATABASE_URL set, {name} must be set too"):
        read_env(environ)


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(WrongEnvironment, match=r"INTERLOCK_DATA: can't write to .*file"):
        read_env({"INTERLOCK_DATA": str(file)})


def test_each_variable_says_what_it_is_for() -> None:
    fields: dict[str, Any] = Env.model_fields
    assert not [name for name, field in fields.items() if not field.description]
