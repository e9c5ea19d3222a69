"""Kinds of values that lie elsewhere: architectures, instance types, hosts of this machine, files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kennel.classifier.architectures import ARCHITECTURES
from kennel.commands.values import Number, Value, nearest


class Architecture(Value):
    """The name of a network that can be trained."""

    @property
    def label(self) -> str:
        """Return ``NETWORK``."""
        return "NETWORK"

    @property
    def choices(self) -> tuple[str, ...]:
        """All names."""
        return ARCHITECTURES

    def read(self, text: str) -> str:
        """Return the name."""
        if text not in ARCHITECTURES:
            raise ValueError(
                f"unknown architecture {text!r}; use {nearest(text, ARCHITECTURES) or 'resnet50'}, "
                f"{ARCHITECTURES[0]} or another of torchvision's classifiers"
            )
        return text


class InstanceType(Value):
    """An instance type of SageMaker's training jobs, as botocore's service model lists them."""

    @property
    def label(self) -> str:
        """Return ``TYPE``."""
        return "TYPE"

    def read(self, text: str) -> str:
        """Return the type."""
        from botocore.loaders import Loader

        model = Loader().load_service_model("sagemaker", "service-2")
        types: list[str] = model["shapes"]["TrainingInstanceType"]["enum"]
        if text not in types:
            close = nearest(f"ml.{text.removeprefix('ml.')}", types) or "ml.m5.xlarge"
            raise ValueError(
                f"{text!r} is no instance type of SageMaker's training jobs; use {close} "
                f"or another of its {len(types)} types, all of which begin with ml."
            )
        return text


class JobName(Value):
    """The name of a job, as SageMaker allows it."""

    @property
    def label(self) -> str:
        """Return ``JOB``."""
        return "JOB"

    def read(self, text: str) -> str:
        """Return the name."""
        if not re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", text):
            raise ValueError(f"{text!r} is no name of a job; ./kennel jobs lists them")
        return text


class ReleaseId(Value):
    """The id of a release or of a candidate."""

    @property
    def label(self) -> str:
        """Return ``ID``."""
        return "ID"

    def read(self, text: str) -> str:
        """Return the id."""
        if not re.fullmatch(r"r-[0-9a-f]{12}", text):
            raise ValueError(
                f"{text!r} is no id of a release, which is r- and twelve hexadecimal digits; "
                "./kennel releases lists them, with --candidates those that notebooks packaged"
            )
        return text


class Hosts(Number):
    """A number of hosts at a time; in the local cloud at most as many as this machine bears."""

    def __init__(self) -> None:
        super().__init__(least=1)

    def check(self, value: Any, environment: str) -> None:
        """Refuse more hosts than this machine bears, if they are its own processes."""
        from kennel.localcloud import host_limit

        if environment == "local" and value > (most := host_limit.hosts()):
            raise ValueError(
                f"{value} hosts would take this machine down, which bears {most} "
                f"({host_limit.reason()}): use at most {most}, or an AWS environment (--env dev)"
            )


class Folder(Value):
    """A folder that exists."""

    @property
    def label(self) -> str:
        """Return ``DIR``."""
        return "DIR"

    def read(self, text: str) -> str:
        """Return the path."""
        path = Path(super().read(text)).expanduser()
        if not text or not path.exists():
            nearby = next((parent for parent in path.parents if parent.is_dir()), Path())
            names = [entry.name for entry in nearby.iterdir() if entry.is_dir()] if text else []
            close = nearest(path.name, names)
            meant = f" (did you mean {nearby / close}?)" if close else ""
            raise ValueError(f"no such folder: {text!r}{meant}; give the path of an existing folder")
        if not path.is_dir():
            raise ValueError(f"{text} is a file; give the folder that holds the photos")
        return text


class Photo(Value):
    """A photo: a file; if ``addresses``, what the function fetches; if ``folders``, a folder of photos."""

    def __init__(self, *, addresses: bool = True, folders: bool = False) -> None:
        self._addresses, self._folders = addresses, folders

    @property
    def label(self) -> str:
        """Return ``PHOTO``."""
        return "PHOTO"

    def read(self, text: str) -> str:
        """Return the path or address."""
        from kennel.aws import photos

        if self._folders and Path(text).expanduser().is_dir():
            from kennel.aws import predictions

            predictions.expand([text])
            return text
        if not (self._addresses and photos.is_address(super().read(text))):
            photos.read(text)
        return text


class TextFile(Value):
    """A file that exists.

    Parameters
    ----------
    what
        What it is of, for the error: ``of traffic``.
    """

    def __init__(self, what: str) -> None:
        self._what = what

    @property
    def label(self) -> str:
        """Return ``FILE``."""
        return "FILE"

    def read(self, text: str) -> str:
        """Return the path."""
        path = Path(super().read(text)).expanduser()
        if not text or not path.is_file():
            names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
            close = nearest(path.name, names)
            meant = f" (did you mean {path.parent / close}?)" if close and text else ""
            raise ValueError(f"no file at {text!r}{meant}; give the path of a file {self._what}")
        return str(path)
