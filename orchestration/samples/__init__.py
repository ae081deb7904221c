"""Three workflows that people would recognise, ready to run on a machine where nothing is set up.

Beside each definition lie its examples (inputs for the run form, and what each shows) and its rehearsal (the scripted
answers, for where there is no model). Their tools are real HTTP endpoints of the sample service (`service/`).
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

_HERE = Path(__file__).parent


def install(port: int) -> None:
    """Puts the samples into the database, or renews them: see `installation`."""
    from orchestration.samples import installation  # every web server imports this package, for the service; few install

    installation.install(port)


def find_way() -> None:
    """Counts the sample service as reachable where another process serves it: see `installation`."""
    from orchestration.samples import installation

    installation.find_way()


def examples(workflow: str) -> list[dict[str, Any]]:
    """Inputs for the run form of a sample, as `{title, note, input, ends}`; none for any other workflow. `ends` is the outcome,
    or the step at which a person is asked."""
    return _examples().get(workflow, [])


@lru_cache(maxsize=1)
def _examples() -> dict[str, list[dict[str, Any]]]:
    files = sorted((_HERE / "examples").glob("*.yaml"))
    return {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}
