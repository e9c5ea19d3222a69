"""What the project takes on the disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kennel.commands.task import ROOT, kennel_task
from kennel.errors import UsageError

if TYPE_CHECKING:
    from kennel.disk_use import Part


@kennel_task(
    all="also environments, photos and what stopped local clouds hold",
    dry_run="only show it",
    yes="free it without asking",
)
def clean(all: bool = False, dry_run: bool = False, yes: bool = False) -> dict[str, Any]:
    """Show what the project takes on the disk, and free what can be made again."""
    from kennel import disk_use, terminal

    with terminal.progress("looking") as progress:
        progress("environments, build, caches")
        parts = disk_use.parts(ROOT, _runs)
    chosen = [part for part in parts if part.cost == "free" or (all and part.cost != "in use")]
    # The environment of this program last: nothing can be imported from it after that.
    chosen.sort(key=lambda part: part.name == disk_use.ENVIRONMENTS[-1])
    terminal.print_table(
        "Disk",
        ("part", "what it is", "MB", "frees"),
        [(part.name, part.what, part.bytes / 1e6, _answer(part, chosen)) for part in parts],
    )
    size = sum(part.bytes for part in chosen) / 1e6
    freed = 0
    if chosen and not dry_run:
        if not yes:
            _confirm(chosen, size)
        terminal.print_line(f"freeing {size:.0f} MB")
        freed = disk_use.freed(chosen)
    return {
        "parts": [
            {"name": part.name, "what": part.what, "bytes": part.bytes, "cost": part.cost} for part in parts
        ],
        "chosen": [part.name for part in chosen],
        "freed_bytes": freed,
    }


def _confirm(chosen: list[Part], size: float) -> None:
    """Ask whether to free the chosen parts.

    Raises
    ------
    UsageError
        The answer is no, or nobody can answer.
    """
    from kennel import terminal

    lasting = ", ".join(part.name for part in chosen if part.cost == "kept")
    loss = f"{lasting} would be gone for good. " if lasting else ""
    if not terminal.can_ask():
        raise UsageError(
            f"nothing was freed: {loss}Add --yes to free {size:.0f} MB, or --dry-run only to look"
        )
    if not terminal.ask(f"{loss}Free {size:.0f} MB? "):
        raise UsageError("nothing was freed: only the answer yes goes on (--yes does not ask)")


def _answer(part: Part, chosen: list[Part]) -> str:
    if part.cost == "in use":
        return "no: in use"
    return "yes" if part in chosen else "with --all"


def _runs(directory: Path) -> bool:
    from kennel.localcloud import lifecycle

    return lifecycle.status(directory).pid is not None
