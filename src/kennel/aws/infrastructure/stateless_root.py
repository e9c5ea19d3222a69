"""Copies of Terraform's root whose files are links, to add files to or leave some out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kennel.folders import HeldFolder

BACKEND = "backend.tf"


@contextmanager
def stateless(root: Path) -> Iterator[Path]:
    """Yield a root module like that in ``root``, with an empty state in a file; it is deleted at the end.

    For plans before there is a bucket for the state: creating that bucket is a change of the account, and a
    plan makes none.
    """
    with linked(root, without=BACKEND) as copy:
        yield copy


@contextmanager
def linked(root: Path, *, without: str = "") -> Iterator[Path]:
    """Yield a root module like that in ``root``, perhaps without one file; it is deleted at the end.

    It consists of links, also to what lies beside it in the checkout: modules read files by paths that are
    relative to the root.
    """
    with HeldFolder() as folder:
        copy = folder / root.name
        copy.mkdir()
        for entry in root.parent.iterdir():
            if entry != root:
                (folder / entry.name).symlink_to(entry)
        for entry in root.iterdir():
            if entry.name != without:
                (copy / entry.name).symlink_to(entry)
        yield copy
