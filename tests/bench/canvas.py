"""Three hundred steps on the canvas, in Chromium: from the address to the picture, then frames while it is panned and zoomed, at
the size that people read and with all of it in sight."""

from typing import NamedTuple

from playwright.sync_api import Page, sync_playwright

from orchestration.acts import drafts
from tests import browser
from tests.bench import large
from tests.bench.pixel import session
from tests.bench.processes import Site, site
from tests.bench.table import middle, row

DESKS = 30
OPENED = 5
MOVES = 90
HEIGHT = 950
SHOWN = """() => new Promise(done => {
    const look = () => document.querySelector(".cv[data-ready] .react-flow__node")
        ? requestAnimationFrame(() => done(performance.now())) : requestAnimationFrame(look);
    look(); })"""
FRAMES = """() => { window.frames_ = []; let last = performance.now(); window.counting = true;
    const count = now => { frames_.push(now - last); last = now; if (counting) requestAnimationFrame(count); };
    requestAnimationFrame(count); }"""


def main() -> None:
    if (chromium := browser.find()) is None:
        row("canvas", "-", browser.MISSING)
        return
    drafts.push(text=large.text(DESKS), by="ada")
    with site() as there:
        cookie = session(there.url)
        with sync_playwright() as play:
            started = play.chromium.launch(executable_path=chromium, args=list(browser.FLAGS))
            page = started.new_page(viewport={"width": 1440, "height": HEIGHT})
            page.context.add_cookies([cookie])
            first, *later = [_opened(page, there) for _ in range(OPENED + 1)]
            name = f"canvas of {DESKS * 10} steps shown"
            _row(f"{name}, first", [first], "in a new process, a new browser")
            _row(f"{name}, later", later, "the median")
            _move(page, "as it opens")
            page.keyboard.press("f")
            _move(page, "with all of it in sight")
            started.close()


class Shown(NamedTuple):
    """Milliseconds from the address to the frame that shows steps, and seconds of CPU in them: of the server, and of the thread
    of the browser that scripts and draws."""

    took: float
    server: float
    browser: float


def _row(name: str, shown: list[Shown], note: str) -> None:
    took, server, drew = (middle(list(each)) for each in zip(*shown, strict=True))
    row(name, f"{took:.0f} ms", f"{note}; CPU: {1000 * server:.0f} ms the server, {1000 * drew:.0f} the page")


def _opened(page: Page, there: Site) -> Shown:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = there.cpu()
    page.goto(f"{there.url}/workflows/large/design/", wait_until="commit")
    took = float(page.evaluate(SHOWN))
    told = session.send("Performance.getMetrics")["metrics"]
    session.detach()
    return Shown(took, there.cpu() - before, next(each["value"] for each in told if each["name"] == "TaskDuration"))


def _move(page: Page, how: str) -> None:
    pane = page.locator(".cv-pane").bounding_box()
    assert pane and 0 < pane["y"] < pane["y"] + pane["height"] <= HEIGHT, f"what is moved has to be seen: {pane}"
    page.mouse.move(pane["x"] + pane["width"] / 2, pane["y"] + pane["height"] / 2)
    there = page.locator(".react-flow__node").count()
    for name, held, step in (("panning", None, 30.0), ("zooming", "Control", 12.0)):
        if held:
            page.keyboard.down(held)
        page.evaluate(FRAMES)
        for number in range(MOVES):
            page.mouse.wheel(0, step if number % 30 < 15 else -step)
        frames = page.evaluate("() => { counting = false; return frames_.slice(1); }")
        if held:
            page.keyboard.up(held)
        row(
            f"{name} it {how}",
            f"{middle(frames, 0.95):.0f} ms",
            f"p95 of a frame; {middle(frames):.0f} the median, {there} steps drawn",
        )


if __name__ == "__main__":
    main()
