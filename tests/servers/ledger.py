"""What the tools of the scripted server did to the world: one entry for each request that took effect."""

import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Effect:
    """One request. `repeat` is True where its key had come before, so that an idempotent tool did nothing new."""

    method: str
    url: str
    key: str
    body: str
    output: Any
    repeat: bool


class Ledger:
    """Effects in memory, and appended to a file where one is given, so that they outlive a killed process."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._all: list[Effect] = []
        if file is not None and file.exists():
            self._all = [Effect(**json.loads(line)) for line in file.read_text().splitlines()]

    def record(self, method: str, url: str, key: str, body: str, output: Any) -> Effect:
        """Note a request. A repeated key (none counts as new each time) gets the output that it got before."""
        with self._lock:
            before = self._find(key)
            effect = Effect(method, url, key, body, before.output if before else output, before is not None)
            self._all.append(effect)
            if self.file is not None:
                self._append(effect)
        return effect

    def find(self, key: str) -> Effect | None:
        with self._lock:
            return self._find(key)

    def clear(self) -> None:
        with self._lock:
            self._all.clear()

    @property
    def requests(self) -> list[Effect]:
        """Each request that took effect or repeated one, in order."""
        with self._lock:
            return list(self._all)

    @property
    def effects(self) -> list[Effect]:
        """What happened to the world: requests without the repeats."""
        return [effect for effect in self.requests if not effect.repeat]

    def _find(self, key: str) -> Effect | None:
        return next((effect for effect in self._all if key and effect.key == key and not effect.repeat), None)

    def _append(self, effect: Effect) -> None:
        assert self.file is not None
        handle = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, (json.dumps(asdict(effect)) + "\n").encode())
        finally:
            os.close(handle)
