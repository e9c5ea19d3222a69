"""A local cloud for one rehearsal."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kennel.localcloud import AUDIT_LOG, lifecycle
from kennel.localcloud.connection import web_identity_token
from kennel.localcloud.dispatch import audit_log


@dataclass(frozen=True)
class EphemeralCloud:
    """A local cloud on a free port, its folder emptied at each start.

    Parameters
    ----------
    kept
        Save what it holds, for a later ``local.up``: it is to go on after the rehearsal.
    """

    directory: Path
    kept: bool = False

    @property
    def log(self) -> Path:
        """The file of its log."""
        return self.directory / lifecycle.LOG

    def start(self, progress: Callable[[str], None]) -> dict[str, str]:
        """Start it and return the environment variables that point at it; what was there before goes."""
        shutil.rmtree(self.directory, ignore_errors=True)
        return lifecycle.environment(lifecycle.up(self.directory, port=0, progress=progress, keep=self.kept))

    def stop(self) -> None:
        """Stop it and everything that runs in it; nothing happens if it does not run."""
        lifecycle.down(self.directory)

    def web_identity_token(self, issuer: str, audience: str, subject: str) -> str:
        """Return a token of an identity provider, as a pipeline's job gets it; the cloud must run."""
        variables = lifecycle.environment(lifecycle.status(self.directory))
        return web_identity_token(variables, issuer, audience, subject)

    def audit_log(self) -> list[dict[str, Any]]:
        """Return who called what on which resource, and whether it was allowed."""
        path = self.directory / AUDIT_LOG
        return [asdict(entry) for entry in audit_log.read(path)] if path.exists() else []
