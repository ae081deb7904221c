"""What a browser would send of a form that a page shows."""

from html.parser import HTMLParser
from typing import Any


def filled(page: str, action: str) -> dict[str, list[str]]:
    """Of the first form with this address, unchanged: by name, in the order of the page, without its buttons."""
    found = _Form(action)
    found.feed(page)
    assert found.begun, f"there is no form for {action}"
    return found.sent


class _Form(HTMLParser):
    def __init__(self, action: str) -> None:
        super().__init__()
        self.action = action
        self.sent: dict[str, list[str]] = {}
        self.begun = self.inside = False
        self.templates = 0
        self.text: tuple[str, list[str]] | None = None
        self.select: tuple[str, list[tuple[str, bool]]] | None = None

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        told = dict(attrs)
        if tag == "form" and told.get("action") == self.action and not self.begun:
            self.begun = self.inside = True
        if tag == "template":
            self.templates += 1
        if not self.inside or self.templates:
            return
        name = told.get("name")
        if tag == "option" and self.select is not None:
            self.select[1].append((told.get("value") or "", "selected" in told))
        elif name and tag == "textarea":
            self.text = (name, [])
        elif name and tag == "select":
            self.select = (name, [])
        elif name and tag == "input" and (told.get("type") not in ("checkbox", "radio") or "checked" in told):
            self.sent.setdefault(name, []).append(told.get("value") if told.get("value") is not None else "on")

    def handle_data(self, data: str) -> None:
        if self.text is not None:
            self.text[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "template":
            self.templates -= 1
        elif tag == "form":
            self.inside = False
        elif tag == "textarea" and self.text is not None:
            self.sent.setdefault(self.text[0], []).append("".join(self.text[1]).removeprefix("\n"))
            self.text = None
        elif tag == "select" and self.select is not None:
            name, options = self.select
            chosen = [value for value, selected in options if selected] or [value for value, _ in options[:1]]
            self.sent.setdefault(name, []).extend(chosen)
            self.select = None
