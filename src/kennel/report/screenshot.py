"""A picture of a page, by a Chromium that is already there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kennel.errors import KennelError

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class ScreenshotError(KennelError):
    """There is no Chromium."""


def find_chromium() -> str | None:
    """Return the Chromium on PATH; None if there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextmanager
def browser(*options: str) -> Iterator[Any]:
    """Yield a headless Chromium (playwright's ``Browser``).

    Parameters
    ----------
    options
        Further options of its command line.

    Raises
    ------
    ScreenshotError
        No Chromium is on PATH.
    """
    from playwright.sync_api import sync_playwright

    program = find_chromium()
    if program is None:
        raise ScreenshotError("no Chromium is on PATH: install it (Debian: sudo apt-get install chromium)")
    # Chromium's sandbox refuses root, as which continuous integration runs in its container.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=[*arguments, *options])
        try:
            yield chromium
        finally:
            chromium.close()


def screenshot(page: Path, target: Path, *, width: int, height: int) -> None:
    """Write the top of a page as a PNG, in light colours.

    Parameters
    ----------
    page
        An HTML file.
    width, height
        The window's, pixels.

    Raises
    ------
    ScreenshotError
        No Chromium is on PATH.
    """
    with browser() as chromium:
        tab = chromium.new_page(viewport={"width": width, "height": height}, color_scheme="light")
        tab.goto(page.resolve().as_uri())
        tab.screenshot(path=target)
