"""The gallery: a few photos that are at hand, none of them trained on; drawn ones if there are none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kennel import class_names
from kennel.classifier import labels
from kennel.classifier.data import formats

COUNT = 8
HELD_OUT = ("test", "valid")


@dataclass(frozen=True)
class Sample:
    """A photo of the gallery and the class that it shows."""

    path: Path
    label: str


def gallery(data: Iterable[Path], drawn: Path) -> list[Sample]:
    """Return photos of the first data folder that has some outside its training split, else drawn ones.

    Parameters
    ----------
    data
        Data folders, ``train|valid|test/CLASS/photo``.
    drawn
        Where photos are drawn if no data folder has any.
    """
    for directory in data:
        for split in HELD_OUT:
            if samples := _spread(directory / split):
                return samples
    return _spread(_draw(drawn))


def _spread(split: Path) -> list[Sample]:
    """Return one photo each of `COUNT` classes that are spread evenly over a split's."""
    classes = sorted(path for path in split.glob("*") if path.is_dir())
    step = max(1, len(classes) // COUNT)
    samples = []
    for directory in classes[::step][:COUNT]:
        photos = sorted(
            path for path in directory.iterdir() if path.suffix.lower() in formats.DIRECT_SUFFIXES
        )
        if photos:
            samples.append(Sample(photos[0], class_names.readable(directory.name)))
    return samples


def _draw(directory: Path) -> Path:
    from kennel.sample_photos import draw

    breeds = len(labels.breeds())
    for breed in range(0, breeds, breeds // COUNT):
        name = draw.class_name(breed)
        path = directory / name / "photo.jpg"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draw.photo(breed, number=1000).save(
                path, "JPEG", quality=88
            )  # a number that data.sample does not reach
    return directory
