"""Augmented views: random crops, flips and lighting, each determined by a seed."""

from __future__ import annotations

import math
import random

import numpy as np
from PIL import Image

from kennel import pictures
from kennel.classifier.networks import Preprocessing
from kennel.pictures import Box

VERSION = 1  # part of the key of cached features: raise it when a view of the same number changes
AREA = (0.4, 1.0)  # ImageNet training uses 0.08; with few pictures the object should stay in the crop
RATIO = (3 / 4, 4 / 3)


def random_box(width: int, height: int, rng: random.Random) -> Box:
    """Return a random part of a picture, in its pixels: torchvision's RandomResizedCrop."""
    for _ in range(10):
        area = width * height * rng.uniform(*AREA)
        ratio = math.exp(rng.uniform(math.log(RATIO[0]), math.log(RATIO[1])))
        wide, tall = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if wide <= width and tall <= height:
            left, top = rng.uniform(0, width - wide), rng.uniform(0, height - tall)
            return left, top, left + wide, top + tall
    return pictures.centre_box(width, height, 1, 1)


def relight(pixels: np.ndarray, rng: random.Random) -> np.ndarray:
    """Change brightness, contrast and saturation of uint8 pixels (H, W, 3) by up to 20 %."""
    brightness, contrast, saturation = (rng.uniform(0.8, 1.2) for _ in range(3))
    values = pixels.astype(np.float32)
    grey = values.mean(axis=2, keepdims=True)
    values = grey + (values - grey) * saturation
    middle = grey.mean()
    values = (middle + (values - middle) * contrast) * brightness
    return values.clip(0, 255).astype(np.uint8)


def view(source: bytes, prepared: Preprocessing, seed: str | None) -> np.ndarray:
    """Return one view of an encoded picture.

    Parameters
    ----------
    source
        The bytes of a JPEG, PNG or WebP.
    prepared
        The backbone's preprocessing.
    seed
        None for the plain centre crop; else any text: the same text gives the same view.

    Returns
    -------
    numpy.ndarray
        uint8, shape (crop, crop, 3), RGB.

    Raises
    ------
    kennel.pictures.PictureError
        The picture cannot be used.
    """
    if seed is None:
        return pictures.read(source, prepared.resize, prepared.crop)
    rng = random.Random(seed)  # noqa: S311 (a crop, not a secret)
    with pictures.open_picture(source) as image:
        pixels = pictures.decode(image, prepared.crop, random_box(*image.size, rng))
    if rng.random() < 0.5:
        pixels = np.asarray(Image.fromarray(pixels).transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    return relight(pixels, rng)
