"""Records which lines and branches tests execute, in every process that they start.

coverage.py decides what a statement and a branch is, and reports them; only its recording is not used. Until
Python 3.14 that is a trace function, which slows down each line of every library too: tests took 45 percent
more processor time with it. Here statements of the measured folders are compiled with a store beside each.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from kennel.checks.recording.recorder import VARIABLE

_STARTUP = Path(__file__).with_name("startup")


def variables(records: Path, sources: Iterable[Path]) -> dict[str, str]:
    """Return the environment variables with which Python processes record what they execute.

    Parameters
    ----------
    records
        The folder for the records.
    sources
        The measured folders.
    """
    path = [str(_STARTUP.resolve()), os.environ.get("PYTHONPATH")]
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        VARIABLE: os.pathsep.join(str(folder) for folder in (records.resolve(), *sources)),
    }
