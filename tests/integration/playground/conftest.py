"""A playground whose classifier names a photo's colour: real photos and real HTTP, but nothing to train."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, UnidentifiedImageError

from kennel.playground import PlaygroundError
from kennel.playground.answers import Answer
from kennel.playground.samples import Sample
from kennel.playground.server import PlaygroundServer

COLOURS = {
    "Red": (220, 30, 30),
    "Green": (30, 160, 60),
    "Blue": (40, 60, 210),
    "Brown": (120, 80, 40),
    "White": (245, 245, 245),
    "Black": (15, 15, 15),
}


def picture(colour: str, size: tuple[int, int] = (64, 48)) -> bytes:
    """Return a PNG of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, COLOURS[colour]).save(buffer, "PNG")
    return buffer.getvalue()


def name_colour(photo: bytes) -> Answer:
    """Return the five colours that are nearest to a photo's mean, the nearest first."""
    started = time.monotonic()
    try:
        with Image.open(io.BytesIO(photo)) as image:
            mean = image.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    except UnidentifiedImageError:
        raise PlaygroundError("the photo cannot be sent: it is not a picture") from None
    assert isinstance(mean, tuple)
    distances = {
        name: sum((a - b) ** 2 for a, b in zip(mean, colour, strict=True)) for name, colour in COLOURS.items()
    }
    weights = {name: 1 / (1 + distance) for name, distance in distances.items()}
    nearest = sorted(weights, key=lambda name: -weights[name])[:5]
    top = [
        {"breed": name, "class": name, "probability": weights[name] / sum(weights.values())}
        for name in nearest
    ]
    served_by = {"release": "r-0123456789ab"}
    learned = "The model learnt from no photos."
    return Answer(top, learned=learned, seconds=time.monotonic() - started, served_by=served_by)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlaygroundServer]:
    """A running playground with two photos in its gallery."""
    folder: Path = tmp_path_factory.mktemp("samples")
    for colour in ("Green", "Black"):
        (folder / f"{colour}.png").write_bytes(picture(colour))
    samples = [Sample(folder / f"{colour}.png", colour) for colour in ("Green", "Black")]
    with PlaygroundServer(name_colour, {"environment": "local", "via": "function"}, samples) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()
