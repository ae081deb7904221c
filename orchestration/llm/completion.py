"""Reads chat completions, whole or streamed, and where the servers that send them differ."""

import json
from dataclasses import dataclass
from typing import Any

from orchestration.core.result import Answer, Request, Usage
from orchestration.door import Reply
from orchestration.llm import reading
from orchestration.llm.reading import Draft, count, text_of, word


def read(reply: Reply, request: Request) -> Answer:
    return reading.read(reply, request, Completion())


@dataclass
class Completion(Draft):
    def take(self, body: dict[str, Any]) -> bool:
        choice = _first(body)
        if not isinstance(choice.get("message"), dict):
            return False
        self._add_message(choice["message"])
        self.finish, self.usage, self.id = word(choice.get("finish_reason")), _usage(body.get("usage")), word(body.get("id"))
        return True

    def add(self, event: dict[str, Any]) -> None:
        self.usage = _usage(event["usage"]) if event.get("usage") else self.usage
        self.id = self.id or word(event.get("id"))
        choices = event.get("choices")  # [] or null where the chunk only carries usage
        for choice in choices if isinstance(choices, list) else []:
            if isinstance(choice, dict) and choice.get("index", 0) == 0:
                delta = choice.get("delta")
                self._add_message(delta if isinstance(delta, dict) else {})
                self.finish = word(choice.get("finish_reason")) or self.finish

    def error(self, body: dict[str, Any]) -> Any:
        return super().error(body) or _first(body).get("error")

    def _add_message(self, piece: dict[str, Any]) -> None:
        """A `message` or a `delta`."""
        self.text.append(text_of(piece.get("content")))
        self.refusal.append(text_of(piece.get("refusal")))
        old = piece.get("function_call")
        wanted = piece.get("tool_calls") or ([{"function": old}] if isinstance(old, dict) else [])
        for position, call in enumerate(wanted if isinstance(wanted, list) else []):
            if isinstance(call, dict):
                self._add_call(position, call)

    def _add_call(self, position: int, call: dict[str, Any]) -> None:
        """Pieces of a call belong together by index. Where a server leaves it out, a new id begins a new call."""
        index, id_ = call.get("index"), text_of(call.get("id"))
        if type(index) is not int:
            known = self.calls.get(position)
            index = len(self.calls) if known and id_ and known["id"] != id_ else position
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        made = self.calls.setdefault(index, {"id": "", "name": "", "arguments": ""})
        made["id"] = made["id"] or id_
        made["name"] = made["name"] or text_of(function.get("name"))
        arguments = function.get("arguments")
        made["arguments"] += arguments if isinstance(arguments, str) else json.dumps(arguments) if arguments is not None else ""


def _first(body: dict[str, Any]) -> dict[str, Any]:
    choices = body.get("choices")
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}


def _usage(usage: Any) -> Usage:
    counts = usage if isinstance(usage, dict) else {}
    return Usage(count(counts.get("prompt_tokens")), count(counts.get("completion_tokens")))
