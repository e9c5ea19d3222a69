"""Pages of S3's listings: how long they are at most, and where the next one begins."""

from __future__ import annotations

from typing import Any

import pytest

from kennel.localcloud.services.s3_listing import Page, page_of

NAMES = [f"{number:04}" for number in range(1001)]


def page(after: str = "", **parameters: Any) -> Page:
    return page_of(parameters, [(name, None, name) for name in NAMES], after, None)


@pytest.mark.parametrize("asked", [{}, {"MaxKeys": 1000}, {"MaxKeys": 5000}])
def test_a_page_has_a_thousand_keys_at_most(asked: dict[str, int]) -> None:
    first = page(**asked)
    assert first.entries == NAMES[:1000]
    assert first.last == ("0999", None)
    assert page("0999", **asked) == Page(["1000"], [], None)


def test_common_prefixes_count_as_keys() -> None:
    listed = [(f"{name}/a", None, name) for name in NAMES]
    first = page_of({"Delimiter": "/"}, listed, "", None)
    assert (first.entries, len(first.prefixes), first.last) == ([], 1000, ("0999/", None))
