"""Draws data folders: dogs of 133 breeds and more, in the course's folder layout."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from kennel.classifier import labels
from kennel.classifier.data import DRAWN_MARKER, DataError
from kennel.sample_photos import dog, scene
from kennel.sample_photos.look import look

PER_CLASS: Mapping[str, int] = {"train": 5, "valid": 1, "test": 1}


def class_name(breed: int) -> str:
    """Return the folder name of breed number ``breed``: the course's 133, then mixed breeds."""
    names = labels.breeds()
    return names[breed] if breed < len(names) else f"{breed + 1:03d}.Mixed_breed_{breed + 1 - len(names)}"


def draw(
    directory: Path,
    classes: int = 133,
    per_class: Mapping[str, int] = PER_CLASS,
    size: int = 256,
    seed: int = 0,
    workers: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Draw a small data set of ``train|valid|test/NNN.Breed/NNN_NN.jpg`` and return its folder.

    Parameters
    ----------
    directory
        Folder to create; an empty one may exist. A folder with the same sample is left as it is, and an
        interrupted drawing starts again.
    classes
        Number of breeds.
    per_class
        Pictures of each breed in each split.
    size
        Width and height in pixels.
    seed
        Same seed, same pictures, whatever the number of workers.
    workers
        Processes; all cores if None.

    Raises
    ------
    DataError
        The folder already holds something else, or the numbers make no data set.
    """
    directory = Path(directory)
    drawn = {"classes": classes, "per_class": dict(per_class), "size": size, "seed": seed}
    if _drawn(directory) == drawn:
        return directory
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise DataError(f"{directory}: is not empty; remove it or name another folder for the sample")
    if classes < 1 or size < 32 or not per_class or any(n < 0 for n in per_class.values()):
        raise DataError(
            "a sample needs at least one class, 32 pixels, and a number of pictures for each split"
        )
    unfinished = directory.with_name(directory.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    jobs = []
    for breed in range(classes):
        number = 0
        for split, count in per_class.items():
            target = unfinished / split / class_name(breed)
            target.mkdir(parents=True, exist_ok=True)
            for _ in range(count):
                number += 1
                jobs.append(
                    (
                        target / f"{class_name(breed).split('.', 1)[1]}_{number:05d}.jpg",
                        breed,
                        number,
                        size,
                        seed,
                    )
                )
    workers = min(workers or os.cpu_count() or 1, max(1, len(jobs) // 32))
    if workers == 1:
        for job in jobs:
            _save(job)
    else:
        # "spawn": the caller may have threads (a rehearsal has), and forking those can deadlock
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            for done, _ in enumerate(pool.map(_save, jobs, chunksize=16), 1):
                if progress and done % 200 == 0:
                    progress(f"{done} of {len(jobs)} pictures drawn")
    (unfinished / DRAWN_MARKER).write_text(json.dumps(drawn))
    if directory.exists():
        directory.rmdir()
    unfinished.rename(directory)
    return directory


def _drawn(directory: Path) -> dict[str, object] | None:
    """Return the settings that a folder was drawn with; None for another folder."""
    marker = directory / DRAWN_MARKER
    return json.loads(marker.read_text()) if marker.is_file() else None


def photo(breed: int, number: int, size: int = 256, seed: int = 0) -> Image.Image:
    """Return picture ``number`` of a breed."""
    rng = random.Random(f"{seed}/{breed}/{number}")  # noqa: S311 (a drawing, not a secret)
    canvas = scene.paint(breed, max(192, round(size * 1.25)), rng)
    if rng.random() < 0.7:
        canvas = canvas.filter(ImageFilter.BoxBlur(rng.uniform(0, 2)))  # depth of field
    dog.paint(canvas, look(breed), rng)
    if rng.random() < 0.5:
        canvas = ImageOps.mirror(canvas)
    image = canvas.resize((size, size), Image.Resampling.BOX, reducing_gap=None)
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.85, 1.15))
    image = ImageEnhance.Color(image).enhance(rng.uniform(0.85, 1.15))
    noise = np.random.default_rng(rng.getrandbits(64)).standard_normal((size, size, 1), np.float32)
    pixels = np.asarray(image, np.float32) + noise * rng.uniform(1, 5)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _save(job: tuple[Path, int, int, int, int]) -> None:
    path, breed, number, size, seed = job
    photo(breed, number, size, seed).save(path, "JPEG", quality=88)
