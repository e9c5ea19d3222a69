"""Photos: draw, fetch, split, check, upload."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from kennel.commands.known_names import Folder
from kennel.commands.task import ROOT, kennel_task
from kennel.commands.values import DatasetName, Number

if TYPE_CHECKING:
    from kennel.classifier.data.checking import Report
    from kennel.classifier.data.splitting import Split

DATA = ROOT / "build" / "data"
SPLITS = DATA / "splits"
_SHOWN = 20  # problems; --json has all


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
    leading="source",
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


@kennel_task(
    positional=("directory",),
    directory="a folder of photos: CLASS/photo.jpg, or with some of the splits train, valid and test",
    into="the folder to make (default: one in build/data/splits)",
    valid="share of each class's photos to validate on",
    test="share of each class's photos to test on",
    seed="another seed chooses other photos",
    link="make symbolic links instead of copies",
)
def split(
    directory: Annotated[str, Folder()],
    into: str | None = None,
    valid: Annotated[float, Number(0.001, 0.9, whole=False)] = 0.1,
    test: Annotated[float, Number(0.001, 0.9, whole=False)] = 0.1,
    seed: int = 0,
    link: bool = False,
) -> dict[str, Any]:
    """Split photos into train, valid and test; the same photo, also in another size, is in one split only."""
    from kennel import terminal
    from kennel.classifier.data import sources, splitting
    from kennel.classifier.data.assignment import Shares

    settings = splitting.Settings(Shares(valid, test), seed, link)
    source = sources.read(Path(directory))
    with terminal.progress("splitting") as progress:
        made = splitting.split(
            source,
            Path(into) if into else splitting.default_target(source, SPLITS),
            settings,
            replace=not into,
            progress=progress,
        )
    _print_split(made)
    return {"ok": True, **made.as_dict()}


@kennel_task(positional=("directory",), directory="a folder of photos, split or not")
def check(directory: Annotated[str, Folder()]) -> dict[str, Any]:
    """Report unreadable photos, copies across splits, small classes, bad names; exit code 1 on errors."""
    return _report(Path(directory))


@kennel_task(
    leading="directory",
    cloud=True,
    directory="a folder of photos; it is split if it is not",
    name="the data set's name in the bucket",
    allow_leakage="upload although photos of the test split are in another split too",
    weights="a .pth file named after its network, or 'package': ImageNet weights for jobs without internet",
)
def upload(
    workspace: Any,
    directory: Annotated[str | None, Folder()] = None,
    name: Annotated[str, DatasetName()] = "dogs",
    allow_leakage: bool = False,
    weights: str | None = None,
) -> dict[str, Any]:
    """Make the data bucket equal to the folder, sending what changed; refuses what data.check refuses."""
    from kennel import terminal
    from kennel.aws import StackError, artifacts
    from kennel.aws.infrastructure import stack
    from kennel.aws.training import pretrained

    if not (directory or weights):
        raise StackError("nothing to upload: name a folder of photos, or --weights FILE")
    photos = _accepted(Path(directory), allow_leakage) if directory else None
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


def _accepted(directory: Path, allow_leakage: bool) -> Path:
    """Return a folder that a training can read, made from the given one if need be; refuse errors."""
    from kennel import terminal
    from kennel.classifier.data import checking, splitting

    with terminal.progress("checking") as progress:
        report = checking.check(directory, progress, allow_leakage=allow_leakage)
        checking.refuse(report)
    with terminal.progress("splitting") as progress:
        photos, made = splitting.ready(directory, SPLITS, progress)
    if made:
        _print_split(made)
    _print_problems(report)
    return photos


def _report(directory: Path) -> dict[str, Any]:
    from kennel import terminal
    from kennel.classifier.data import checking

    with terminal.progress("checking") as progress:
        report = checking.check(directory, progress)
    terminal.print_table(
        f"{report.root}: {report.classes} classes", ("split", "photos"), report.counts.items()
    )
    _print_problems(report)
    return {"ok": report.ok, **asdict(report)}


def _print_problems(report: Report) -> None:
    from kennel import terminal

    problems = [*report.errors, *report.warnings]
    for problem in problems[:_SHOWN]:
        terminal.print_line(f"  {problem}")
    if len(problems) > _SHOWN:
        terminal.print_line(f"  and {len(problems) - _SHOWN} more (--json lists all)")


def _print_split(made: Split) -> None:
    from kennel import terminal
    from kennel.classifier.data import names

    terminal.print_table(f"{made.source}: {made.classes} classes", ("split", "photos"), made.counts.items())
    for what, paths in (
        ("groups of photos are the same or nearly so, and stay together", made.together),
        ("photos were converted to JPEG", made.converted),
        ("copies of photos that are held out were left out", made.left_out),
        ("photos cannot be read and were left out", made.unreadable),
        ("classes have no photos and are known from ImageNet", made.without_photos),
        ("other files and empty folders were left out", made.ignored),
    ):
        if paths:
            example = paths[0] if isinstance(paths[0], str) else " and ".join(paths[0][:2])
            terminal.print_line(names.in_one_line(f"  {len(paths)} {what}, such as {example}"))
    terminal.print_line(f"{'already split' if made.reused else 'split'} into {made.directory}")
