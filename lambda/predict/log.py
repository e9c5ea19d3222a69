"""One JSON line an event on standard output, which Lambda passes to the function's log group."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def write(level: str, event: str, **fields: Any) -> None:
    """Write a line unless LOG_LEVEL asks for graver ones only. Photos and URLs are not logged."""
    wanted = os.environ.get("LOG_LEVEL", "INFO")
    if wanted in _LEVELS and _LEVELS.index(level) < _LEVELS.index(wanted):
        return
    line = json.dumps({"level": level, "event": event, **fields}, default=str)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
