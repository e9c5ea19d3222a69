"""`python -m bootstrap.extra NAME`: environments that only a benchmark or one test needs."""

from __future__ import annotations

import argparse
import platform
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from bootstrap.environments import Builder, Environment
from bootstrap.installer import find_uv
from bootstrap.output import Interrupted, SetupError, handle_signals, print_message

ROOT = Path(__file__).resolve().parents[1]
PURPOSES: Mapping[str, str] = {
    "torchserve": "TorchServe, for bench.serving",
    "ray": "Ray Serve, for its test",
}


def environment(name: str) -> Environment:
    """Return the environment of a name, made with the version of this Python."""
    folder, requirements = ROOT / f".venv-{name}", ROOT / f"requirements-{name}.txt"
    return Environment(folder, requirements, PURPOSES[name], "none", platform.python_version())


def make(name: str) -> None:
    """Make an environment, or bring it up to date; it takes what it lacks from the one that makes it.

    Raises
    ------
    SetupError
        It cannot be made.
    """
    made, tools = environment(name), ROOT / ".tools"
    if not made.ready:
        tools.mkdir(exist_ok=True)
        python = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
        uv = find_uv(ROOT, tools, Path(sys.executable), made.python_version)
        Builder(uv, python, tools).build(made)
    (site,) = made.folder.glob("lib/python3.*/site-packages")
    (site / "kennel-main.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")


def main() -> int:
    """Make the environments that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m bootstrap.extra", description=__doc__)
    parser.add_argument("names", nargs="+", choices=PURPOSES)
    names = parser.parse_args().names
    handle_signals()
    try:
        for name in names:
            make(name)
    except (SetupError, OSError) as error:
        print_message(str(error))
        return 1
    except Interrupted as interrupted:
        return 128 + interrupted.number
    return 0


if __name__ == "__main__":
    sys.exit(main())
