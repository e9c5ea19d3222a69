"""Whether Terraform's working data is what ``terraform init`` would make, so that it need not run again.

It takes four seconds of a processor, mostly for checksums of the provider (700 MB), before every plan and
apply. Those compute its checksum themselves, and refuse a provider that is not the one in the lock file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

RECORD = "initialised.json"


class Initialisation:
    """What a root is initialised with: its files, its backend, and where the providers come from.

    Parameters
    ----------
    root
        The root module.
    folder
        Terraform's working data.
    settings
        All else that ``init`` depends on; JSON can hold it.
    """

    def __init__(self, root: Path, folder: Path, settings: dict[str, Any]) -> None:
        self._root, self._settings = root, settings
        self._record = folder / RECORD

    @property
    def done(self) -> bool:
        """Whether ``init`` has completed with just these files and settings."""
        try:
            return bool(json.loads(self._record.read_text()) == self._content())
        except (OSError, ValueError):
            return False

    def note(self) -> None:
        """Record that ``init`` has completed."""
        draft = self._record.with_suffix(".tmp")
        draft.write_text(json.dumps(self._content()))
        draft.replace(self._record)

    def _content(self) -> dict[str, Any]:
        """Return the settings, and a digest over the files that name modules, providers and checksums."""
        total = hashlib.sha256()
        for path in sorted([*self._root.rglob("*.tf"), *self._root.glob(".terraform.lock.hcl")]):
            total.update(path.relative_to(self._root).as_posix().encode() + b"\0")
            total.update(hashlib.sha256(path.read_bytes()).digest())
        return {**self._settings, "files": total.hexdigest()}


def forget(folder: Path) -> None:
    """Let the next ``init`` run: a command has failed, perhaps for what ``init`` prepares."""
    with contextlib.suppress(FileNotFoundError):
        (folder / RECORD).unlink()
