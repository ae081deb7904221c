"""Where the lines of a canvas run once people have put steps where they like."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.engine.publishing import end, publish, workflow
from tests.live.drawing import edge, opened

SignIn = Callable[[User], Page]
expect.set_options(timeout=20_000)

BEHIND = """() => {
    const steps = [...document.querySelectorAll('.react-flow__node-step')];
    const nodes = steps.map(step => [step.dataset.id, step.getBoundingClientRect()]);
    const within = ({left, right, top, bottom}, {x, y}, room) =>
        x > left - room && x < right + room && y > top - room && y < bottom + room;
    return [...document.querySelectorAll('.react-flow__edge')].flatMap(line => {
        const path = line.querySelector('.react-flow__edge-path'), long = path.getTotalLength();
        const on = length => path.getPointAtLength(length).matrixTransform(path.getScreenCTM());
        const points = Array.from({length: long / 4}, (_, at) => on(at * 4));
        const others = nodes.filter(([, box]) => !within(box, on(0), 12) && !within(box, on(long), 12));
        const behind = others.filter(([, box]) => points.some(at => within(box, at, 0)));
        return behind.map(([name]) => [line.dataset.id, name]);
    });
}"""
"""(line, step) of each line that runs behind a step which it neither leaves nor leads to."""


def _placed(at: dict[str, list[float]]) -> dict[str, Any]:
    def step(id: str, next: str) -> dict[str, Any]:
        return {"id": id, "type": "set", "values": {"n": 1}, "next": next}

    cases = [
        {"when": "run.input.n > 1.0", "label": "Large", "to": "big"},
        {"when": "run.input.n < 0.0", "label": "Small", "to": "small"},
    ]
    way = {"id": "way", "type": "branch", "cases": cases, "default": "rest"}
    rest = [step(name, "join") for name in ("big", "small", "rest")]
    return workflow(
        step("first", "way"), way, *rest, step("join", "last"), step("last", "done"), end(), models={}, layout={"at": at}
    )


@pytest.mark.parametrize("at", [{"join": [0, 150]}, {"last": [620, 40]}, {"big": [300, 700], "rest": [620, 100]}], ids=repr)
def test_no_line_runs_behind_a_step_and_each_keeps_its_label(
    sign_in: SignIn, designer: User, site: str, at: dict[str, list[float]]
) -> None:
    publish(_placed(at))
    page = opened(sign_in(designer), "sample")
    expect(page.locator(".react-flow__edge")).to_have_count(10)
    expect(edge(page, "way>cases[0].to").locator(".cv-label")).to_contain_text("Large")
    assert page.evaluate(BEHIND) == []
