"""Reads Anthropic's messages, whole or streamed: answers made of content blocks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from orchestration.core.errors import ErrorCode, Unreadable
from orchestration.core.result import Answer, Request, Usage
from orchestration.core.values import parse_json
from orchestration.door import Reply
from orchestration.llm import reading
from orchestration.llm.reading import Draft, count, text_of, word

_INPUTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def read(reply: Reply, request: Request) -> Answer:
    return reading.read(reply, request, Blocks())


@dataclass
class Blocks(Draft):
    content: dict[int, dict[str, Any]] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)

    statuses: ClassVar[Mapping[int, ErrorCode]] = {413: ErrorCode.TOO_LARGE}

    def take(self, body: dict[str, Any]) -> bool:
        if not isinstance(body.get("content"), list):
            return False
        self._begin(body)
        for index, block in enumerate(body["content"]):
            self._add_block(index, block)
        self._stop(body)
        return True

    def add(self, event: dict[str, Any]) -> None:
        """By the type that the data names: some servers leave the event's own name out. Pings and what is new are passed over."""
        given = event.get("index")
        index = given if isinstance(given, int) else 0
        match event.get("type"):
            case "message_start":
                self._begin(_object(event.get("message")))
            case "content_block_start":
                self._add_block(index, event.get("content_block"))
            case "content_block_delta":
                self._add_delta(index, _object(event.get("delta")))
            case "message_delta":
                self._stop(_object(event.get("delta")))
                self._count(event.get("usage"))

    def echo(self) -> list[Any] | None:
        """Thinking comes signed, and goes back in its place unchanged, or the next round is refused."""
        blocks = [block for _, block in sorted(self.content.items())]
        if all(block.get("type") in ("text", "tool_use") for block in blocks):
            return None
        for index, block in self.content.items():
            if block.get("type") == "tool_use":
                block["input"] = as_input(self.calls[index]["arguments"])
        return [block for block in blocks if block.get("type") != "text" or block.get("text")]

    def _begin(self, message: dict[str, Any]) -> None:
        self.id = word(message.get("id"))
        self._count(message.get("usage"))

    def _add_block(self, index: int, given: Any) -> None:
        block = self.content[index] = dict(_object(given))
        match block.get("type"):
            case "text":
                self.text.append(text_of(block.get("text")))
            case "tool_use":
                arguments = block.get("input")  # {} where a stream is about to say it
                written = arguments if isinstance(arguments, str) else json.dumps(arguments) if arguments else ""
                self.calls[index] = {"id": text_of(block.get("id")), "name": text_of(block.get("name")), "arguments": written}

    def _add_delta(self, index: int, delta: dict[str, Any]) -> None:
        block = self.content.setdefault(index, {})
        match delta.get("type"):
            case "text_delta":
                self.text.append(text_of(delta.get("text")))
                block["text"] = text_of(block.get("text")) + text_of(delta.get("text"))
            case "input_json_delta" if index in self.calls:
                self.calls[index]["arguments"] += text_of(delta.get("partial_json"))
            case "thinking_delta":
                block["thinking"] = text_of(block.get("thinking")) + text_of(delta.get("thinking"))
            case "signature_delta":
                block["signature"] = text_of(block.get("signature")) + text_of(delta.get("signature"))

    def _stop(self, said: dict[str, Any]) -> None:
        self.finish = word(said.get("stop_reason")) or self.finish
        if self.finish == "refusal":
            details = _object(said.get("stop_details"))
            self.refusal.append(word(details.get("explanation")) or word(details.get("category")) or "")

    def _count(self, usage: Any) -> None:
        """Counts in a stream are totals so far, each event naming those that it has."""
        self.counts.update({name: number for name, number in _object(usage).items() if count(number) is not None})
        cached = sum(count(self.counts.get(name)) or 0 for name in _INPUTS)
        self.usage = Usage(cached if "input_tokens" in self.counts else None, count(self.counts.get("output_tokens")))


def as_input(arguments: str) -> dict[str, Any]:
    """A tool's input, which has to be an object: what a model wrote that is none stands under a name of its own."""
    try:
        found = parse_json(arguments or "{}").value
    except Unreadable:
        found = None
    return found if isinstance(found, dict) else {"arguments": arguments}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
