"""Build the function's zip reproducibly: the same sources always give the same bytes."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

from kennel.aws import StackError

_HANDLER = "app.py"
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest date that the zip format supports
_MODE = 0o100644 << 16  # readable for the runtime's user, independent of this machine's umask


def build(source: Path = Path("lambda/predict"), target: Path | None = None) -> Path:
    """Build the zip and return its path; an unchanged zip is not rewritten.

    The bytes depend on the sources alone, not on their dates, modes or order on disk, so that
    Terraform's ``source_code_hash`` changes only when the function does. Members are stored, not
    deflated: zlib's output differs between its versions.

    Parameters
    ----------
    source
        The folder with ``app.py``.
    target
        File to write; if None, ``build/function/predict.zip`` in the checkout that contains the source.

    Raises
    ------
    StackError
        If the source folder has no handler.
    """
    if not (source / _HANDLER).is_file():
        raise StackError(
            f"{source} has no {_HANDLER}, the function's handler; restore it: git checkout -- lambda"
        )
    target = target or source.resolve().parents[1] / "build" / "function" / "predict.zip"
    content = _zip(source)
    if target.is_file() and target.read_bytes() == content:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(
        f"{target.name}.{os.getpid()}.new"
    )  # two stacks of a checkout may be applied at once
    new.write_bytes(content)
    new.replace(target)  # atomic: a Terraform process that reads meanwhile sees a complete zip
    return target


def _zip(source: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(source.rglob("*.py"), key=lambda path: path.relative_to(source).as_posix()):
            member = zipfile.ZipInfo(path.relative_to(source).as_posix(), _DATE)
            member.external_attr = _MODE
            member.create_system = 3  # Unix, so that the mode applies, whatever the building machine
            archive.writestr(member, path.read_bytes())
    return buffer.getvalue()
