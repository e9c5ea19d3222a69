"""One JSON line for each event on standard output, which Lambda forwards to the function's log group."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def write(level: str, event: str, **fields: Any) -> None:
    """Write a line unless it is below LOG_LEVEL. Photos and URLs are not logged."""
    minimum = os.environ.get("LOG_LEVEL", "INFO")
    if minimum in _LEVELS and _LEVELS.index(level) < _LEVELS.index(minimum):
        return
    line = json.dumps({"level": level, "event": event, **fields}, default=str)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
