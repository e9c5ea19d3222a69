"""Names: which are accepted, and which collide."""

from __future__ import annotations

import pytest

from kennel.classifier.data import names

ACCEPTED = [
    "Golden retriever",
    'Ana\'s "best" [old] (b)',
    "-rf",
    "=SUM(1)",
    "犬",
    "собака",
    "كلب",
    "a.b",
    "👩‍👧",
]


@pytest.mark.parametrize("name", ACCEPTED)
def test_any_script_and_sign_is_accepted(name: str) -> None:
    assert names.refusal(name) is None


@pytest.mark.parametrize(
    "name", ["two\nlines", "a\tb", "a\rb", "\x1b[31mred", "a\x00b", "a\u2028b", "a\x85b", "\udcff"]
)
def test_what_breaks_lines_is_refused_in_one(name: str) -> None:
    reason = names.refusal(name)
    assert reason is not None
    assert len(reason.splitlines()) == 1
    assert "rename it" in reason
    assert reason.isascii()


def test_names_that_are_one_folder_elsewhere_are_found() -> None:
    classes = ["Cat", "cat", "Dog", "Caf\u00e9", "Cafe\u0301", "cow"]
    assert names.same_folder(classes) == [["Cat", "cat"], ["Caf\u00e9", "Cafe\u0301"]]
    assert names.collisions(["Dog", "cow"]) == []
    assert "'Cat' and 'cat' differ only in case" in names.collisions(classes)[0]


def test_names_that_are_shown_alike_are_found() -> None:
    assert names.shown_alike(["001.Poodle", "002.poodle", "Pug", "great_dane", "Great dane "]) == [
        ["001.Poodle", "002.poodle"],
        ["great_dane", "Great dane "],
    ]
