"""Names of classes and photos: which are refused, and which cannot be distinguished."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from kennel import class_names

# Control characters, line and paragraph separators; Python represents bytes that are not UTF-8 as surrogates.
_REFUSED = {
    "Cc": "a control character",
    "Zl": "a line break",
    "Zp": "a line break",
    "Cs": "bytes outside UTF-8",
}


def refusal(name: str) -> str | None:
    """Return why a folder or file of this name is not accepted, in one line; None if it is.

    Spaces, quotes, brackets, dashes and letters of any script are accepted. What breaks lines is not: a name
    is part of log lines, tables and object keys.
    """
    for character in name:
        if reason := _REFUSED.get(unicodedata.category(character)):
            return f"the name {name!a} contains {reason} ({ascii(character)[1:-1]}); rename it"
    return None


def in_one_line(text: str) -> str:
    """Return a text with the characters that are refused in names escaped, for a message."""
    return "".join(ascii(c)[1:-1] if unicodedata.category(c) in _REFUSED else c for c in text)


def normalised(name: str) -> str:
    """Return a name in Unicode's composed form (NFC), in which most systems write names."""
    return unicodedata.normalize("NFC", name)


def same_folder(names: Iterable[str]) -> list[list[str]]:
    """Return groups of names that are one folder where case or Unicode form do not count, as on macOS."""
    return _equal(names, lambda name: normalised(normalised(name).casefold()))


def collisions(names: Iterable[str]) -> list[str]:
    """Return a line on each group of class names that are one folder somewhere."""
    return [
        f"the classes {' and '.join(map(repr, group))} differ only in case or Unicode form, and are one "
        "folder on some systems; rename or join them"
        for group in same_folder(names)
    ]


def too_few(classes: Sequence[str]) -> str | None:
    """Return what is wrong with fewer than two classes; None if there are more."""
    if len(classes) > 1:
        return None
    few = f"only the class {classes[0]} has photos" if classes else "no class has photos"
    return f"{few}; give photos of two classes or more"


def shown_alike(names: Iterable[str]) -> list[list[str]]:
    """Return groups of names that people see as the same class, such as ``1.Poodle`` and ``2.Poodle``."""
    return _equal(names, lambda name: class_names.readable(normalised(name)).casefold())


def _equal(names: Iterable[str], key: Callable[[str], str]) -> list[list[str]]:
    groups = defaultdict(list)
    for name in names:
        groups[key(name)].append(name)
    return [group for group in groups.values() if len(group) > 1]
