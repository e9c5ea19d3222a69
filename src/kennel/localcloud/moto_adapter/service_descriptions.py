"""botocore's descriptions of the services and their regions, which moto asks for while it is imported."""

from __future__ import annotations

import functools

import botocore.session


def read_once() -> None:
    """Let all sessions of this process share one reader: each would read the descriptions anew.

    moto makes a session wherever it needs a list of regions, which takes 0.15 s of a processor each time.
    Call it before moto is imported.
    """
    botocore.session.create_loader = functools.cache(botocore.session.create_loader)
