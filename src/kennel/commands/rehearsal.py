"""The rehearsal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from kennel.commands.known_names import Folder, Photo
from kennel.commands.task import REHEARSAL, kennel_task

# What is free before it begins: one of three classes left 29 MB behind, larger ones more.
SPACE_BYTES = 300_000_000


@kennel_task(
    photo="the photo to predict (default: one of the test photos)",
    data="a folder of photos, CLASS/photo.jpg, split or not (default: drawn photos)",
    keep="leave the cloud and the stack running at the end",
)
def rehearse(
    photo: Annotated[str | None, Photo(addresses=False)] = None,
    data: Annotated[str | None, Folder()] = None,
    keep: bool = False,
) -> dict[str, Any]:
    """Run the whole way, from photos to a prediction, on a new local cloud."""
    from kennel import rehearsal, system_errors, terminal
    from kennel.localcloud.ephemeral import EphemeralCloud

    system_errors.require_space(REHEARSAL, SPACE_BYTES, "a rehearsal")
    cloud = EphemeralCloud(REHEARSAL / "cloud", kept=keep)
    result = rehearsal.rehearse(cloud, REHEARSAL, photo=photo, data=Path(data) if data else None, keep=keep)
    document = rehearsal.as_dict(result)
    show(document)
    terminal.print_line(f"report: {REHEARSAL / rehearsal.PAGE}")
    if keep:
        terminal.print_line(f'kept: eval "$(./kennel local.env --directory {cloud.directory})"')
    if result.error:
        terminal.print_error(f"{result.error} (see {result.log}, or run again with --keep)")
    return document


def show(document: Mapping[str, Any]) -> None:
    """Print the steps of a rehearsal and its answer; `document` is the content of ``result.json``."""
    from kennel import terminal
    from kennel.classifier.learned import sentence

    rows = [("✓" if step["ok"] else "✗", step["name"], step["seconds"]) for step in document["steps"]]
    terminal.print_table("Rehearsal", ("", "step", "seconds"), [*rows, ("", "total", document["seconds"])])
    answer, learned = document["answer"], document.get("learned")
    if answer and answer["top"]:
        best, logits = answer["top"][0], len(answer["logits"])
        terminal.print_line(
            f"{document['photo']}: {best['breed']} ({best['probability']:.2f}), {logits} logits"
        )
    if learned:
        terminal.print_line(sentence(learned))
