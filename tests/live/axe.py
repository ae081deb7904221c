"""How each page must look: without an accessibility violation and no wider than its screen, a phone's and a wide one's, in both
themes."""

from pathlib import Path
from typing import Any, Literal

import axe_playwright_python
from playwright.sync_api import Page

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
RUN_AXE = """options => axe.run(document, {resultTypes: ["violations"], ...options}).then(found =>
  found.violations.map(v => `${v.id}: ${v.nodes.map(n => n.target.join(" ")).join(", ")}`))"""
_COLOURS = ["color-contrast", "link-in-text-block"]
"""All rules to which a theme may matter: a theme is colours, and nothing else (`test_look`). They take nearly all of the time."""
ALL: dict[str, Any] = {}
COLOURS = {"runOnly": {"type": "rule", "values": _COLOURS}}
ALL_ELSE = {"rules": {name: {"enabled": False} for name in _COLOURS}}
PHONE, WIDE = 360, 1440
LOOKS: tuple[tuple[int, Literal["light", "dark"], dict[str, Any]], ...] = (
    (PHONE, "light", ALL_ELSE),
    (PHONE, "dark", COLOURS),
    (WIDE, "light", ALL),
)
"""Colours are looked at in one theme on each screen, so that both themes are, and what stands on one screen alone."""


def violations(page: Page) -> list[str]:
    page.wait_for_load_state()
    page.evaluate(AXE)
    return list(page.evaluate(RUN_AXE, ALL))


def assert_sound(page: Page, *addresses: str) -> None:
    """Fails where one of these pages, or without any the one that is open, is not as it must be. Each is loaded once, on a phone
    and light; screen and theme are changed under it."""
    for address in addresses or (None,):
        if address is not None:
            _dress(page, PHONE, "light")
            page.goto(address)
        page.wait_for_load_state()  # a form that was sent may have come back, and not yet all of its styles
        page.evaluate(AXE)
        for width, theme, rules in LOOKS:
            where = f"{page.url}, {width} wide, {theme}"
            _dress(page, width, theme)
            over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert over <= 0, f"{where}: {over} too wide"
            found = page.evaluate(RUN_AXE, rules)
            assert not found, f"{where}: {found}"


def _dress(page: Page, width: int, theme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 900})
