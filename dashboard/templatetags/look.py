"""Tags and filters of the design system. They only hand over to `dashboard.presentation` and `dashboard.json_view`."""

from datetime import datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard import json_view, presentation

register = template.Library()
register.filter("money", presentation.money)
register.filter("span", presentation.span)
register.filter("json_tree", json_view.tree)
register.filter("json_text", json_view.text)


@register.filter
def words(text: str) -> list[str]:
    return text.split()


@register.filter
def a_or_an(noun: str) -> str:
    """`a viewer`, `an operator`."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


@register.simple_tag
def static_path(folder: str, name: str, ending: str) -> str:
    return static(f"{folder}/{name}.{ending}")


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """A drawing from static/icons.svg. It is decoration: the word stands beside it, or on its button."""
    return format_html('<svg class="icon {}" aria-hidden="true"><use href="{}#{}"/></svg>', extra, static("icons.svg"), name)


@register.inclusion_tag("components/status.html")
def status(name: str, more: str = "", pill: bool = False) -> dict[str, Any]:
    """`name`: a run's status, or `person` and `backoff` where it is known what it waits for."""
    return {"look": presentation.look_of(name), "more": more, "pill": pill}


@register.inclusion_tag("components/status.html")
def result(name: str, more: str = "", pill: bool = False) -> dict[str, Any]:
    return {"look": presentation.look_of(name, presentation.RESULTS), "more": more, "pill": pill}


@register.inclusion_tag("components/outcome.html")
def outcome(name: str, kind: str) -> dict[str, str]:
    return {"name": name, "kind": kind}


@register.simple_tag
def when(moment: datetime | None, absent: str = "") -> SafeString | str:
    """How long ago, with the exact time behind it; js/page.js keeps it going."""
    if moment is None:
        return absent
    exact = moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>', moment.isoformat(), exact, presentation.ago(moment, timezone.now())
    )


@register.simple_tag
def due(moment: datetime | None, absent: str = "") -> SafeString | str:
    """How long until a deadline."""
    if moment is None:
        return absent
    left = (moment - timezone.now()).total_seconds()
    words_ = f"due in {presentation.coarse(left)}" if left > 0 else f"overdue by {presentation.coarse(-left)}"
    return format_html(
        '<time datetime="{}" title="{}" data-due>{}</time>', moment.isoformat(), moment.strftime("%Y-%m-%d %H:%M:%S UTC"), words_
    )
