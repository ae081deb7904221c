"""Whether there is a canvas, and an editor of texts: where they could not be made, pages go without."""

from django.contrib.staticfiles import finders


def is_built(name: str = "canvas") -> bool:
    return finders.find(f"built/{name}.js") is not None
