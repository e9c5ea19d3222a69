"""The help of one task: what it does, its arguments, their kinds and defaults."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from collections.abc import Sequence
from typing import Any

from kennel.commands.options import Option

INDENT = 2
WIDEST_NAME = 28


def help_of(name: str, task: Any) -> str:
    """Return the help of a task.

    Parameters
    ----------
    task
        Its ``options`` and docstring are shown.
    """
    options: Sequence[Option] = task.options
    positional = [option for option in options if option.positional]
    words = [o.name.upper() + (" …" if o.several else "") for o in positional]
    words = [word if o.required else f"[{word}]" for word, o in zip(words, positional, strict=True)]
    usage = " ".join([f"Usage: ./kennel {name}", *words, "[--option …]"])
    parts = [usage, inspect.getdoc(task) or ""]
    if positional:
        parts.append("Arguments:\n" + _table([(o.name.upper(), _help(o)) for o in positional]))
    named = [(_usage(option), _help(option)) for option in options if not option.required]
    parts.append("Options:\n" + _table([*named, ("-h, --help", "show this")]))
    return "\n\n".join(parts)


def _usage(option: Option) -> str:
    if option.value is None:
        return option.flags[-1] if option.default is True else option.flag
    return f"{option.flag} {option.value.label}"


def _help(option: Option) -> str:
    text = option.help
    if option.default is True and f"--no-{option.flag[2:]}" not in text:
        text = f"switch off: {text}"
    stated = "default" in text or option.default in (None, "", False, True) or option.required
    notes = [option.value.limits if option.value else "", "" if stated else f"default: {option.default}"]
    noted = "; ".join(filter(None, notes))
    return f"{text} ({noted})" if noted else text


def _table(rows: Sequence[tuple[str, str]]) -> str:
    """Return two columns; a long name has its text on the next lines."""
    width = max(60, min(shutil.get_terminal_size().columns, 110))
    left = min(max(len(name) for name, _ in rows), WIDEST_NAME) + 2 * INDENT
    lines = []
    for name, text in rows:
        wrapped = textwrap.wrap(text, width - left) or [""]
        if len(name) + 2 * INDENT > left:
            lines.append(f"{'':{INDENT}}{name}")
        else:
            lines.append(f"{'':{INDENT}}{name:{left - INDENT}}{wrapped.pop(0)}".rstrip())
        lines += [f"{'':{left}}{line}" for line in wrapped]
    return "\n".join(lines)
