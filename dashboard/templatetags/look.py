"""Tags and filters of the design system. They only hand over to `dashboard.presentation` and `dashboard.json_view`."""

import re
from datetime import datetime
from itertools import zip_longest
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard import built, json_view, presentation
from orchestration.core import values
from orchestration.samples import installation

_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")

register = template.Library()
register.filter("money", presentation.money)
register.filter("span", presentation.span)
register.filter("json_tree", json_view.tree)
register.filter("json_exact", json_view.exact)
register.filter("json_text", json_view.text)


register.filter("as_json", values.dump)


@register.filter
def words(text: str) -> list[str]:
    return text.split()


@register.filter
def lower_first(text: str) -> str:
    """The same in the middle of a sentence."""
    return text[:1].lower() + text[1:]


@register.filter
def who(name: str) -> str:
    """Somebody by the name of their account, and what has none."""
    return "Interlock itself" if name == installation.BY else name or "Somebody"


@register.filter
def coded(text: object) -> SafeString:
    """The text with what stands in `backticks` as code. Those that enclose nothing, or more than a line, stay; so does what is
    markup already."""
    if isinstance(text, SafeString):
        return SafeString(_CODE.sub(r"<code>\1</code>", text))
    parts = _CODE.split(str(text))
    return format_html_join(
        "",
        "{}{}",
        (
            (part, format_html("<code>{}</code>", code) if code else "")
            for part, code in zip_longest(parts[::2], parts[1::2], fillvalue="")
        ),
    )


@register.filter
def grouped(number: int) -> str:
    """10,000"""
    return f"{number:,}"


@register.filter
def a_or_an(noun: str) -> str:
    """`a viewer`, `an operator`."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


register.simple_tag(built.is_built, name="is_built")


@register.simple_tag
def static_path(folder: str, name: str, ending: str) -> str:
    return static(f"{folder}/{name}.{ending}")


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """A drawing from static/icons.svg. It is decoration: the word stands beside it, or on its button."""
    return format_html('<svg class="icon {}" aria-hidden="true"><use href="{}#{}"/></svg>', extra, static("icons.svg"), name)


@register.inclusion_tag("components/status.html")
def status(
    name: str, more: str = "", pill: bool = False, since: datetime | None = None, until: datetime | None = None
) -> dict[str, Any]:
    """`name`: a run's status, or `person` and `backoff` where it is known what it waits for. How long it has been so is told
    from `since`, when it goes on from `until`."""
    return {"look": presentation.look_of(name), "more": more, "pill": pill, "since": since, "until": until}


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
    return _time(moment, "ago", presentation.ago(moment, timezone.now()))


@register.simple_tag
def due(moment: datetime | None, absent: str = "") -> SafeString | str:
    """How long until a deadline."""
    if moment is None:
        return absent
    left = (moment - timezone.now()).total_seconds()
    words_ = f"due in {presentation.left(left)}" if left > 0 else f"overdue by {presentation.coarse(-left)}"
    return _time(moment, "due", words_)


@register.simple_tag
def since(moment: datetime) -> SafeString:
    """How long something has been so, coarsely: 3 h."""
    return _time(moment, "since", presentation.coarse(max((timezone.now() - moment).total_seconds(), 0.0)))


@register.simple_tag
def lasting(moment: datetime) -> SafeString:
    """How long something that is under way has taken: 2 min 3 s."""
    return _time(moment, "lasting", presentation.lasted((timezone.now() - moment).total_seconds()))


@register.simple_tag
def until(moment: datetime) -> SafeString:
    """When something goes on by itself: next in 4 s."""
    left = (moment - timezone.now()).total_seconds()
    return _time(moment, "until", f"next in {presentation.coarse(left)}" if left >= 1 else "due now")


def _time(moment: datetime, kind: str, words_: str) -> SafeString:
    exact = moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    return format_html('<time datetime="{}" title="{}" data-{}>{}</time>', moment.isoformat(), exact, kind, words_)
