"""The table of AWS's images: what it must have, when an image is too old, and which exceptions count."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kennel.audit import AuditError
from kennel.audit.images import ageing, images

ROOT = Path(__file__).resolve().parents[3]
TODAY = date(2026, 11, 27)
EXCEPTION = {"reason": "no newer one exists", "decision": "decision.md", "until": "2026-11-27"}


def checkout(root: Path, **more: Any) -> Path:
    """Return a checkout with one image."""
    image = {"repository": "pytorch", "tag": "2.13", "python": "3.12", "end_of_patch": "2026-06-30"}
    table = {"training": {"cpu": {**image, "source": "https://github.com/x", **more}}, "inference": {}}
    (root / "terraform").mkdir()
    (root / "terraform" / "images.json").write_text(json.dumps(table, indent=2))
    (root / "decision.md").write_text("# A decision\n")
    return root


@pytest.mark.parametrize(
    ("end", "ended"),
    [
        pytest.param("2026-11-26", True, id="yesterday"),
        pytest.param("2026-11-27", False, id="today"),
        pytest.param("2027-02-25", False, id="in 90 days"),
        pytest.param("2027-02-26", None, id="in 91 days"),
    ],
)
def test_the_end_of_patch_is_judged_by_the_day(tmp_path: Path, end: str, ended: bool | None) -> None:
    found = [image.ended for image in ageing(checkout(tmp_path, end_of_patch=end), TODAY)]
    assert found == ([] if ended is None else [ended])


@pytest.mark.parametrize(
    ("today", "warned"),
    [
        pytest.param(date(2026, 11, 27), False, id="in 180 days"),
        pytest.param(date(2026, 11, 28), True, id="in 181 days"),
    ],
)
def test_that_aws_names_no_end_is_to_be_looked_up_again(tmp_path: Path, today: date, warned: bool) -> None:
    root = checkout(tmp_path, end_of_patch=None, as_of="2026-05-31")
    aged = list(ageing(root, today))
    assert [(image.ended, "read in its table of 2026-05-31" in image.message) for image in aged] == (
        [(False, True)] if warned else []
    )


def test_an_image_without_an_end_says_when_that_was_read(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="no table of images: KeyError\\('as_of'\\)"):
        images(checkout(tmp_path, end_of_patch=None))


def test_an_exception_counts_on_its_last_day(tmp_path: Path) -> None:
    [image] = ageing(checkout(tmp_path, exception=EXCEPTION), TODAY)
    assert image.reason == "no newer one exists (decision.md; until 2026-11-27)"


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        pytest.param({"reason": "ok"}, "has no reason", id="no reason"),
        pytest.param({"decision": "docs/none.md"}, "names no page", id="no page"),
        pytest.param({"until": "2026-11-26"}, "ended on 2026-11-26", id="over"),
    ],
)
def test_an_exception_without_substance_does_not_count(
    tmp_path: Path, change: dict[str, str], refusal: str
) -> None:
    [image] = ageing(checkout(tmp_path, exception={**EXCEPTION, **change}), TODAY)
    assert (image.ended, image.reason) == (True, "")
    assert refusal in image.message


def test_a_table_that_lacks_something_is_refused(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    table = root / "terraform" / "images.json"
    table.write_text(table.read_text().replace('"tag"', '"label"'))
    with pytest.raises(AuditError, match=r"no table of images: KeyError\('tag'\)"):
        images(root)


def test_every_image_has_its_source_and_the_lines_are_those_of_the_file() -> None:
    lines = (ROOT / "terraform" / "images.json").read_text().splitlines()
    table = images(ROOT)
    assert {(image.use, image.accelerator) for image in table} == {
        (use, accelerator) for use in ("training", "inference") for accelerator in ("cpu", "gpu")
    }
    for image in table:
        assert str(image.end_of_patch or "null") in lines[image.line - 1]
        assert image.source.startswith("https://github.com/aws/deep-learning-containers/blob/")
