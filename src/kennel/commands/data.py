"""Photos: draw, fetch, check, upload."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from kennel.commands.known_names import Folder
from kennel.commands.task import ROOT, kennel_task
from kennel.commands.values import DatasetName, Number

DATA = ROOT / "build" / "data"


@kennel_task(
    directory="the folder to create (default: build/data/sample)",
    classes="how many breeds",
    train="photos a breed to train on",
    valid="photos a breed to validate on",
    test="photos a breed to test on",
    seed="another seed draws other photos",
)
def sample(
    directory: str = str(DATA / "sample"),
    classes: Annotated[int, Number(2, 133)] = 133,
    train: Annotated[int, Number(1)] = 5,
    valid: Annotated[int, Number(1)] = 1,
    test: Annotated[int, Number(1)] = 1,
    seed: int = 0,
) -> dict[str, Any]:
    """Draw a small folder of photos, in the course's layout."""
    from kennel import terminal
    from kennel.classifier.data import DataError

    try:
        from kennel.sample_photos import draw
    except ModuleNotFoundError as error:
        # Bundles for notebooks and training hosts do not contain it.
        raise DataError(
            "kennel.sample_photos is not installed here: draw in a checkout, then upload"
        ) from error

    with terminal.progress("drawing") as progress:
        draw.draw(
            Path(directory),
            classes=classes,
            per_class={"train": train, "valid": valid, "test": test},
            seed=seed,
            progress=progress,
        )
    return _report(Path(directory))


@kennel_task(
    source="an address, a zip file or a folder (default: the course's dogImages.zip)",
    directory="where to unpack it (default: build/data/dogs)",
)
def fetch(source: str | None = None, directory: str = str(DATA / "dogs")) -> dict[str, Any]:
    """Download and unpack the real photos, or take a folder; resumes where it was interrupted."""
    from kennel import terminal
    from kennel.classifier.data import fetch as download

    with terminal.progress("fetching") as progress:
        folder = download.fetch(Path(directory), source or download.DOG_IMAGES_URL, progress=progress)
    return _report(folder)


@kennel_task(positional=("directory",), directory="a folder of photos")
def check(directory: Annotated[str, Folder()]) -> dict[str, Any]:
    """Report unreadable and misplaced files; exit code 1 if the folder cannot be trained on."""
    return _report(Path(directory))


@kennel_task(
    leading="directory",
    cloud=True,
    directory="a folder of photos",
    name="the data set's name in the bucket",
    weights="a .pth file named after its network, or 'package': ImageNet weights for jobs without internet",
)
def upload(
    workspace: Any,
    directory: Annotated[str | None, Folder()] = None,
    name: Annotated[str, DatasetName()] = "dogs",
    weights: str | None = None,
) -> dict[str, Any]:
    """Make the data bucket equal to the folder, sending only what changed."""
    from kennel import terminal
    from kennel.aws import StackError, artifacts, pretrained, stack
    from kennel.classifier.data import folder

    if not (directory or weights):
        raise StackError("nothing to upload: name a folder of photos, or --weights FILE")
    photos = folder.read(Path(directory)).root if directory else None
    bucket = stack.outputs(workspace)["data_bucket"]
    document: dict[str, Any] = {}
    with terminal.progress("upload") as progress:
        if weights:
            document["weights"] = pretrained.upload(bucket, weights)
            progress(document["weights"])
        if photos:
            prefix = f"datasets/{name}"
            counts = artifacts.upload_folder(photos, bucket, prefix, remove=True, progress=progress)
            document |= {"uri": f"s3://{bucket}/{prefix}", **counts}
    if weights:
        terminal.print_line(document["weights"])
    if photos:
        numbers = ", ".join(f"{document[what]} {what}" for what in ("sent", "unchanged", "removed"))
        terminal.print_line(f"{document['uri']}: {numbers}")
    return document


def _report(directory: Path) -> dict[str, Any]:
    from kennel import terminal
    from kennel.classifier.data import folder

    with terminal.progress("checking") as progress:
        report = folder.check(directory, progress)
    terminal.print_table(
        f"{report.root}: {report.classes} classes", ("split", "photos"), report.counts.items()
    )
    problems = [*report.errors, *report.warnings]
    for problem in problems[:20]:
        terminal.print_line(f"  {problem}")
    if len(problems) > 20:
        terminal.print_line(f"  and {len(problems) - 20} more (--json lists all)")
    return {"ok": report.ok, **asdict(report)}
