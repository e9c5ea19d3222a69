"""The playground and the report in a headless Chromium: one that is installed, none is downloaded."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.playground.conftest import picture

from kennel.playground.server import PlaygroundServer
from kennel.report import rehearsal_page, screenshot

pytestmark = pytest.mark.skipif(
    screenshot.find_chromium() is None, reason="no Chromium here: apt-get install chromium"
)

PHONE, DESK = 390, 1280
# As a browser makes it when a person drops a file.
DROPPED = """([content, name]) => {
  const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
  const dropped = new DataTransfer();
  dropped.items.add(new File([bytes], name, { type: "image/png" }));
  return dropped;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with screenshot.browser() as chromium:
        yield chromium


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open pages, and fail the test if one of them logs or raises an error."""
    faults: list[str] = []
    contexts = []

    def visit(url: str, width: int = DESK, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(url)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert faults == []


def drop(page: Any, content: bytes, name: str) -> None:
    dropped = page.evaluate_handle(DROPPED, [base64.b64encode(content).decode(), name])
    page.dispatch_event("#drop", "drop", {"dataTransfer": dropped})


def names(page: Any, number: int = 0) -> list[str]:
    """Return the names in a result, the newest being number 0, once all five are there."""
    result = page.locator(".result").nth(number)
    result.locator(".answers li").nth(4).wait_for()
    return result.locator(".answers .name").all_inner_texts()


def scrolls_sideways(page: Any) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


def test_a_dropped_photo_is_answered_with_five_names(
    server: PlaygroundServer, visit: Callable[..., Any]
) -> None:
    page = visit(server.url)

    drop(page, picture("Red"), "dog.png")

    assert names(page)[0] == "Red"
    assert len(names(page)) == 5
    result = page.locator(".result").first.inner_text()
    for content in ("ms in all", "function", "server", "browser", "learnt from no photos", "r-0123456789ab"):
        assert content in result
    assert page.locator("#status").inner_text().startswith("dog.png: Red "), "what a screen reader says"


def test_several_photos_are_answered_the_last_on_top(
    server: PlaygroundServer, visit: Callable[..., Any]
) -> None:
    page = visit(server.url)
    files = [
        {"name": f"{colour}.png", "mimeType": "image/png", "buffer": picture(colour)}
        for colour in ("Blue", "White")
    ]

    page.set_input_files("#file", files)

    assert names(page, 0)[0] == "White"
    assert names(page, 1)[0] == "Blue"


def test_the_gallery_works_with_the_keyboard_alone(
    server: PlaygroundServer, visit: Callable[..., Any]
) -> None:
    page = visit(server.url)
    page.locator("#gallery button").nth(1).wait_for()

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "file", "the file chooser comes first"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert names(page)[0] == "Black"


def test_an_error_is_shown_as_text(server: PlaygroundServer, visit: Callable[..., Any]) -> None:
    page = visit(server.url)
    page.route("**/predict", lambda route: route.fulfill(json={"error": "<b>no picture</b>"}))

    drop(page, picture("Red"), "<i>torn</i>.png")

    error = page.locator(".result .error")
    error.wait_for()
    assert error.inner_text() == "<b>no picture</b>"
    assert page.locator("#status").inner_text() == "<i>torn</i>.png: <b>no picture</b>"


def test_a_phone_shows_it_without_scrolling_sideways(
    server: PlaygroundServer, visit: Callable[..., Any]
) -> None:
    page = visit(server.url, PHONE)
    page.locator("#gallery button").first.wait_for()
    assert not scrolls_sideways(page)

    drop(page, picture("Green", (2000, 300)), "a-name-" * 30 + ".png")

    assert names(page)[0] == "Green"
    assert not scrolls_sideways(page)


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_report_of_a_failed_rehearsal_fits(width: int, tmp_path: Path, visit: Callable[..., Any]) -> None:
    """The content security policy allows no script, so all that can go wrong is the layout and the style."""
    long = "arn:aws:s3:::" + "kennel-local-data-" * 12
    document = {
        "ok": False,
        "steps": [{"name": "train", "started": 0.0, "seconds": 3.0, "ok": False}],
        "planned": ["train", "predict"],
        "answer": None,
        "accuracy": None,
        "metrics": {},
        "release": None,
        "plan_empty": False,
        "destroyed": False,
        "drawn": True,
        "kept": False,
        "photo": "",
        "seconds": 3.0,
        "log": f"/{long}/service.log",
        "error": f"train: {long}",
    }
    denied = {
        "principal": long,
        "action": "s3:GetObject",
        "resource": long,
        "decision": "deny",
        "reason": long,
    }
    report = rehearsal_page.write(tmp_path / "report.html", document, [denied])

    page = visit(report.as_uri(), width, color_scheme="dark")

    assert not scrolls_sideways(page)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 21, 27)"
