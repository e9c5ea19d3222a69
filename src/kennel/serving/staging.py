"""The part of a release that serves it: entry files and code, copied into the archive's folder."""

from __future__ import annotations

import shutil
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent  # the folder of `kennel`
_ENTRIES = ("asgi.py", "ray_application.py")
CODE = "code"


def stage(folder: Path, *, classifier: bool = False, source: Path = _PACKAGE) -> None:
    """Write ``config.yaml`` and ``code/`` into a release's folder; what was in ``code/`` is removed.

    Parameters
    ----------
    classifier
        Whether the release's runtime is torch, which needs the classifier's code.
    source
        The package ``kennel`` that is copied.
    """
    code = folder / CODE
    shutil.rmtree(code, ignore_errors=True)
    package = code / "kennel"
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc", "archive")
    for name in ("pictures", "serving", *(["classifier"] if classifier else [])):
        shutil.copytree(source / name, package / name, ignore=ignore)
    for name in ("__init__.py", "errors.py", "class_names.py"):
        shutil.copyfile(source / name, package / name)
    archive = source / "serving" / "archive"
    for name in _ENTRIES:
        shutil.copyfile(archive / name, code / name)
    shutil.copyfile(archive / "config.yaml", folder / "config.yaml")
