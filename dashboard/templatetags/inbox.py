"""How a value that a workflow shows to a person is drawn: text as text, small things in a line, the rest as a tree."""

from typing import Any

from django import template

register = template.Library()


@register.filter
def is_text(value: Any) -> bool:
    return isinstance(value, str)


@register.filter
def is_aligned(text: str) -> bool:
    """Whether columns were made with spaces, which only a face of one width keeps."""
    return "   " in text


@register.filter
def is_plain(value: Any) -> bool:
    """A number, yes or no, nothing, or a container of nothing."""
    return not isinstance(value, dict | list) or not value
