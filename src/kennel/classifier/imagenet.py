"""Class names and ImageNet's 1,000 categories: which categories a class of a data folder is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from kennel import class_names

CATEGORIES = 1000
Categories = tuple[int, ...]
"""Indices of ImageNet categories, in the order of ILSVRC2012 (synsets sorted): 208 is Labrador retriever."""


@cache
def names() -> tuple[str, ...]:
    """Return the names of the 1,000 categories, in the order of a classifier's logits."""
    # The same for all of torchvision's ImageNet weights, and the order of those in the package of Lite0. In a
    # file of our own, so that the default network needs no torchvision (see `kennel.classifier.lite0`).
    return tuple((files("kennel.classifier") / "imagenet_categories.txt").read_text("utf-8").splitlines())


def categories_of(class_name: str) -> Categories:
    """Return the categories that a class is; empty if ImageNet has none of this name.

    Parameters
    ----------
    class_name
        A class folder's name, such as ``096.Labrador_retriever``.
    """
    name = _normalised(class_names.readable(class_name))
    table = _table()
    for form in (name, name.removesuffix("s"), name.removesuffix("es"), re.sub("ies$", "y", name)):
        if form in table:
            return table[form]
    return ()


def categories(classes: Sequence[str]) -> tuple[Categories, ...]:
    """Return the categories of each class, see `categories_of`."""
    return tuple(categories_of(name) for name in classes)


def unknown(classes: Sequence[str]) -> list[str]:
    """Return the classes of which ImageNet has no category."""
    return [name for name in classes if not categories_of(name)]


@cache
def _table() -> dict[str, Categories]:
    """Return the categories by normalised name: ImageNet's own names, and the aliases, which come first."""
    index = {name: number for number, name in enumerate(names())}
    table: dict[str, Categories] = {_normalised(name): (number,) for name, number in index.items()}
    text = (files("kennel.classifier") / "imagenet_aliases.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            aliases, _, meaning = line.partition("=")
            numbers = tuple(
                number for part in meaning.split("|") if part.strip() for number in _interval(part, index)
            )
            table |= {_normalised(alias): numbers for alias in aliases.split(",")}
    return table


def _interval(part: str, index: dict[str, int]) -> range:
    """Return the indices of ``category`` or ``first .. last``."""
    first, _, last = (name.strip() for name in part.partition(".."))
    return range(index[first], index[last or first] + 1)


def _normalised(name: str) -> str:
    """Return a name in lower case, without accents, apostrophes and hyphens."""
    plain = unicodedata.normalize("NFKD", name)
    letters = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return " ".join(re.sub("[-_.'\u2019]+", " ", letters).casefold().split())
