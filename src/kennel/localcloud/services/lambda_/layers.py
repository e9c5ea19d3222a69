"""The layers of a function: their contents together, which functions on AWS find at `/opt`.

Without containers they are in a folder. `/opt` in the function's and the layers' scripts and in its variables
is replaced by that folder, where it leads to something in a layer; what a program puts together itself is
refused by `kennel.localcloud.runtime.container_paths`.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from kennel.localcloud.runtime.container_paths import LAYERS

# A path that is written out, up to its first part: /opt alone, /opt/ before something else, or /opt/name.
MENTION = re.compile(r"(?<![\w./-])/opt(?![\w.-])(?:/(?P<name>[\w.-]*))?")


def names_in(folder: Path) -> list[str]:
    """Return what is directly in a folder."""
    return [each.name for each in folder.iterdir()]


def with_layers(text: str, opt: Path, names: list[str]) -> str:
    """Return a text with `/opt` replaced where it leads to something in a layer.

    Parameters
    ----------
    opt
        The folder that stands for it.
    names
        What is directly in that folder: `names_in`.
    """

    def replaced(match: re.Match[str]) -> str:
        name = match["name"] or ""
        inside = not name or any(each.startswith(name) for each in names)
        return f"{opt}{match[0].removeprefix('/opt')}" if inside else match[0]

    return MENTION.sub(replaced, text)


def layer_environment(opt: Path, variables: dict[str, str], path: str) -> dict[str, str]:
    """Return the variables that lead to the layers, and a function's own with `/opt` replaced.

    https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html

    Parameters
    ----------
    path
        The PATH without layers.
    """
    names = names_in(opt)
    own = {name: with_layers(text, opt, names) for name, text in variables.items()}
    packages = f"python/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    modules = [own["PYTHONPATH"]] if own.get("PYTHONPATH") else []
    return {
        **own,
        LAYERS: str(opt),
        "PYTHONPATH": os.pathsep.join([*modules, str(opt / packages), str(opt / "python")]),
        "PATH": os.pathsep.join([str(opt / "bin"), path]),
        "LD_LIBRARY_PATH": os.pathsep.join([str(opt / "lib"), *filter(None, [own.get("LD_LIBRARY_PATH")])]),
    }
