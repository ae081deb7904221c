"""What a process with pages needs in any case, and Django makes when it is first asked for: all addresses with their views,
templates, and what stands around them. Half a second of CPU, and twice that where Python has not compiled the files yet, for
which whoever comes first would wait."""

import gc

from django.conf import settings
from django.template import engines
from django.urls import get_resolver, reverse
from django.utils.formats import get_format
from django.utils.module_loading import import_string

TEMPLATES = settings.BASE_DIR / "templates"


def warm() -> None:
    """From now on a request imports nothing and reads no template. Asks no database; the second time it costs nothing."""
    get_resolver().resolve(reverse("home"))
    for name in (settings.SESSION_SERIALIZER, settings.MESSAGE_STORAGE):
        import_string(name)
    get_format("DECIMAL_SEPARATOR")
    engine = engines["django"].engine
    _ = engine.template_context_processors
    for template in sorted(TEMPLATES.rglob("*.html")):
        engine.get_template(str(template.relative_to(TEMPLATES)))
    gc.freeze()  # all of that stays: looking through it for garbage stops every thread for a tenth of a second
