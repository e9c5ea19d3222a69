#!/usr/bin/env python3
"""Train the classifier by hand: on the EC2 training host, or on any machine with PyTorch.

The training is the one that SageMaker's jobs run. This script downloads the data, keeps a log, and uploads
the model. Without an s3:// address it needs neither AWS nor its SDK.

    python ec2/train.py --data photos --output model
    python ec2/train.py --data s3://BUCKET/datasets/dogs --output s3://BUCKET/training/NAME/output
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from kennel.errors import KennelError

RECORDS = ("*.json", "*.csv", "*.png")


def parse(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return this script's own arguments, and the remaining ones, which are the training's."""
    parser = argparse.ArgumentParser(
        prog="train.py",
        usage="train.py --data FOLDER|s3://… --output FOLDER|s3://… [the training's arguments]",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    add = parser.add_argument_group("this machine").add_argument
    add("-h", "--help", action="store_true", help="show this help and end")
    add("--data", metavar="WHERE", help="photos: CLASS/picture, split or not; a folder or an s3:// address")
    add("--output", metavar="WHERE", help="the model and its records: a folder, or an s3:// address")
    add("--pretrained-dir", metavar="WHERE", help="ImageNet weights to start from: a folder or s3:// address")
    add("--work", metavar="FOLDER", type=Path, default=_work(), help="downloads and features (%(default)s)")
    add(
        "--log",
        metavar="FILE",
        type=Path,
        help="file that receives what is printed (default: train.log in --output)",
    )
    args, rest = parser.parse_known_args(argv)
    if args.help:
        from kennel.classifier.arguments import add_options

        add_options(parser, os.cpu_count() or 1)  # for the help alone: the training reads what is passed on
        parser.print_help()
        raise SystemExit(0)
    for name in ("data", "output"):
        if not getattr(args, name):
            parser.error(f"--{name} is missing: name a folder or an s3:// address")
    return args, rest


def _work() -> Path:
    home = os.environ.get("KENNEL_HOME")
    return Path(home) / "work" if home else Path.home() / ".cache" / "kennel"


def main(argv: list[str] | None = None) -> int:
    """Download, train, upload; return the exit code, 0 only if all of it worked."""
    args, rest = parse(sys.argv[1:] if argv is None else argv)
    to_s3 = args.output.startswith("s3://")
    model = args.work / "model" if to_s3 else Path(args.output)
    log = args.log or model / "train.log"
    if to_s3:
        shutil.rmtree(model, ignore_errors=True)  # files of another run must not be uploaded with this one's
    try:
        with _logged(log):
            try:
                return _train(args, rest, model)
            except KennelError as error:
                print(f"error: {error}", file=sys.stderr, flush=True)
                return 1
    except OSError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 1


def _train(args: argparse.Namespace, rest: list[str], model: Path) -> int:
    from kennel.classifier import arguments

    arguments.parse(
        [*rest, "--data", args.data], os.environ, os.cpu_count() or 1
    )  # refuses slips before the work
    data = _ready(_local_folder(args.data, args.work / "data"), args.work / "splits")
    folders = ["--data", str(data), "--model-dir", str(model)]
    if args.pretrained_dir:
        folders += ["--pretrained-dir", str(_local_folder(args.pretrained_dir, args.work / "pretrained"))]
    if not any(argument.startswith("--cache") for argument in rest):
        folders += [
            "--cache-dir",
            str(args.work / "features"),
        ]  # a second training does not compute them again

    from kennel.classifier import training

    code = training.main([*folders, *rest])
    if code == 0 and args.output.startswith("s3://"):
        _upload(model, args.output.rstrip("/"))
    return code


def _local_folder(address: str, downloads: Path) -> Path:
    """Return the folder at ``address``; what is in S3 is downloaded first."""
    if not address.startswith("s3://"):
        return Path(address)
    from kennel.aws import artifacts

    print(f"fetching {address}", flush=True)
    with _aws_errors():
        return artifacts.download_folder(address, downloads / address.removeprefix("s3://").rstrip("/"))


def _ready(data: Path, splits: Path) -> Path:
    """Return a folder that the training can read: the given one, or one made from it below ``splits``."""
    from kennel.classifier.data import splitting

    folder, made = splitting.ready(data, splits)
    if made:
        counts = ", ".join(f"{count} {split}" for split, count in made.counts.items())
        print(f"{data}: split into {folder} ({counts})", flush=True)
        for line in made.unreadable:
            print(f"unreadable, left out: {line}", flush=True)
    return folder


def _upload(model: Path, output: str) -> None:
    """Upload the model as an archive, as SageMaker's jobs do, and its records."""
    from kennel.aws import artifacts, session

    archive = model.with_suffix(".tar.gz")
    files = sorted(path for path in model.rglob("*") if path.is_file())
    # Weights hardly compress; the lowest level saves most of the time.
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for path in files:
            tar.add(path, path.relative_to(model).as_posix())
    bucket, key = artifacts.split(output)
    with _aws_errors():
        s3 = session.client("s3")
        for path in [path for pattern in RECORDS for path in sorted(model.glob(pattern))]:
            s3.upload_file(str(path), bucket, f"{key}/{path.name}")
        s3.upload_file(str(archive), bucket, f"{key}/model.tar.gz")  # last: its presence means completeness
    archive.unlink()
    print(f"uploaded to {output}", flush=True)


@contextlib.contextmanager
def _aws_errors() -> Iterator[None]:
    from boto3.exceptions import S3UploadFailedError
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, S3UploadFailedError) as error:
        raise KennelError(f"S3: {error}") from error


class _Tee(io.TextIOBase):
    """Writes to the terminal and to the log."""

    def __init__(self, terminal: IO[str], log: IO[str]) -> None:
        self.terminal, self.log = terminal, log

    def write(self, text: str) -> int:
        self.log.write(text)
        return self.terminal.write(text)

    def flush(self) -> None:
        if not self.log.closed:  # Python 3.13 reports that it cannot be flushed when this is deleted
            self.log.flush()
        self.terminal.flush()


@contextlib.contextmanager
def _logged(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        path.open("a", encoding="utf-8") as log,
        contextlib.redirect_stdout(_Tee(sys.stdout, log)),
        contextlib.redirect_stderr(_Tee(sys.stderr, log)),
    ):
        yield


if __name__ == "__main__":
    sys.exit(main())
