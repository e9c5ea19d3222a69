"""Paints a dog with the look of its breed, in a random pose."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageChops, ImageDraw

from kennel.sample_photos.look import Look
from kennel.sample_photos.scene import shade

Point = tuple[float, float]


class Pose:
    """Position and posture of a dog in one picture: what differs between two photos of a breed."""

    def __init__(self, size: int, rng: random.Random) -> None:
        self.unit = size * rng.uniform(0.46, 0.58)
        self.x, self.y = size * rng.uniform(0.42, 0.50), size * rng.uniform(0.50, 0.58)
        self.nod, self.wag, self.stride = (
            rng.uniform(-0.08, 0.08),
            rng.uniform(-0.25, 0.25),
            rng.uniform(-0.12, 0.12),
        )
        self.tilt = math.radians(rng.uniform(-6, 6))

    def at(self, x: float, y: float) -> Point:
        """Turn body lengths from the body's centre into pixels."""
        c, s = math.cos(self.tilt), math.sin(self.tilt)
        return self.x + self.unit * (x * c - y * s), self.y + self.unit * (x * s + y * c)


def paint(image: Image.Image, breed: Look, rng: random.Random) -> None:
    """Paint a dog of a breed, in a random pose, on a square picture."""
    size = image.width
    pose = Pose(size, rng)
    _shadow(image, breed, pose)
    far = _blank(size)
    _legs(far, breed, pose, near=False)
    image.paste(shade(breed.coat, 0.62), mask=far[0])
    body = _blank(size)
    mask, draw = body
    _tail(body, breed, pose)
    _legs(body, breed, pose, near=True)
    _torso(body, breed, pose)
    head = _head_at(breed, pose)
    _disc(draw, pose, head, breed.head)
    muzzle = (head[0] + breed.head * (0.55 + breed.muzzle * 0.55), head[1] + breed.head * 0.25)
    _limb(
        draw,
        pose,
        head[0] + breed.head * 0.3,
        head[1] + breed.head * 0.2,
        *muzzle,
        breed.head * 0.85,
        breed.head * 0.62,
    )
    _roughen(body, breed, rng)
    coat = Image.new("RGB", image.size, breed.coat)
    _pattern(ImageDraw.Draw(coat), breed, pose, head, rng)
    _texture(ImageDraw.Draw(coat), breed, size, rng)
    light = Image.linear_gradient("L").resize((size, size)).point(lambda v: 255 - v // 3)
    coat = ImageChops.multiply(coat, Image.merge("RGB", (light,) * 3))
    image.paste(coat, mask=mask)
    _face(ImageDraw.Draw(image), breed, pose, head, muzzle)


def _blank(size: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    mask = Image.new("L", (size, size))
    return mask, ImageDraw.Draw(mask)


def _head_at(breed: Look, pose: Pose) -> Point:
    return 0.50 + breed.head * 0.25, -breed.girth * 0.5 - breed.head * 0.95 + pose.nod


def _disc(
    draw: ImageDraw.ImageDraw, pose: Pose, centre: Point, radius: float, fill: object = 255, flat: float = 1
) -> None:
    x, y = pose.at(*centre)
    r = radius * pose.unit
    draw.ellipse((x - r, y - r * flat, x + r, y + r * flat), fill=fill)  # type: ignore[arg-type]  # a colour or a level


def _limb(
    draw: ImageDraw.ImageDraw,
    pose: Pose,
    x0: float,
    y0: float,
    x1: float,
    y1: float,
    w0: float,
    w1: float,
    fill: object = 255,
) -> None:
    """Draw a tapered stroke with round ends; widths are radii at each end."""
    steps = 10
    for k in range(steps + 1):
        t = k / steps
        _disc(draw, pose, (x0 + (x1 - x0) * t, y0 + (y1 - y0) * t), w0 + (w1 - w0) * t, fill)


def _shadow(image: Image.Image, breed: Look, pose: Pose) -> None:
    mask, draw = _blank(image.width)
    x, y = pose.at(0, breed.girth / 2 + breed.legs)
    draw.ellipse(
        (x - pose.unit * 0.62, y - pose.unit * 0.07, x + pose.unit * 0.62, y + pose.unit * 0.08), fill=110
    )
    image.paste((20, 20, 25), mask=mask)


def _legs(layer: tuple[Image.Image, ImageDraw.ImageDraw], breed: Look, pose: Pose, *, near: bool) -> None:
    shift = (0.0 if near else 0.09) + (pose.stride if near else -pose.stride)
    foot = breed.girth / 2 + breed.legs
    for x in (-0.36, 0.34):
        _limb(layer[1], pose, x, breed.girth * 0.2, x + shift, foot - 0.03, 0.085, 0.048)
        _disc(layer[1], pose, (x + shift + 0.03, foot - 0.02), 0.062, flat=0.6)


def _torso(layer: tuple[Image.Image, ImageDraw.ImageDraw], breed: Look, pose: Pose) -> None:
    draw, half = layer[1], breed.girth / 2
    _limb(draw, pose, -0.36, -half * 0.1, 0.32, 0, half * 0.82, half)
    head = _head_at(breed, pose)
    _limb(
        draw,
        pose,
        0.34,
        -half * 0.35,
        head[0] - breed.head * 0.3,
        head[1] + breed.head * 0.3,
        half * 0.72,
        breed.head * 0.75,
    )


def _tail(layer: tuple[Image.Image, ImageDraw.ImageDraw], breed: Look, pose: Pose) -> None:
    x, y, wag = -0.50, -breed.girth * 0.3, pose.wag
    if breed.tail == "stub":
        _limb(layer[1], pose, x, y, x - 0.09, y - 0.08, 0.05, 0.04)
        return
    bend, length = {"sickle": (1.1, 0.36), "curled": (4.2, 0.42), "plume": (0.7, 0.44)}[breed.tail]
    angle = math.pi + 0.55 + wag
    for k in range(16):
        wide = 0.035 + (0.06 * math.sin(k / 15 * math.pi) if breed.tail == "plume" else 0.015 * (1 - k / 15))
        _disc(layer[1], pose, (x, y), wide)
        x, y = x + math.cos(angle) * length / 15, y + math.sin(angle) * length / 15
        angle += bend / 15


def _roughen(layer: tuple[Image.Image, ImageDraw.ImageDraw], breed: Look, rng: random.Random) -> None:
    """Add curls or tufts along the outline."""
    if breed.fur == "smooth":
        return
    mask, draw = layer
    size = mask.width
    inside = mask.load()
    tuft = size * 0.035
    for _ in range(1500):
        x, y = rng.uniform(0, size - 1), rng.uniform(0, size - 1)
        if not inside or not inside[int(x), int(y)]:
            continue
        if breed.fur == "curly":
            draw.ellipse((x - tuft / 2, y - tuft / 2, x + tuft / 2, y + tuft / 2), fill=255)
        else:
            draw.line((x, y, x - tuft * rng.uniform(0.2, 1), y + tuft * 1.3), 255, 3)


def _pattern(draw: ImageDraw.ImageDraw, breed: Look, pose: Pose, head: Point, rng: random.Random) -> None:
    """Paint the second colour where the breed's pattern has it."""
    half, second = breed.girth / 2, breed.second
    if breed.pattern == "spots":
        for _ in range(48):
            _disc(
                draw,
                pose,
                (rng.uniform(-0.65, 0.8), rng.uniform(-0.75, 0.7)),
                rng.uniform(0.022, 0.045),
                second,
            )
    elif breed.pattern == "saddle":
        _limb(draw, pose, -0.45, -half, 0.25, -half * 0.95, half * 0.85, half * 0.8, second)
    elif breed.pattern == "stripes":
        for k in range(26):
            x, wave = -0.7 + k * 0.062, rng.uniform(-0.05, 0.05)
            draw.line(
                [pose.at(x, -0.8), pose.at(x + wave, -0.1), pose.at(x - wave, 0.8)],
                second,
                max(2, round(pose.unit * 0.018)),
            )
    elif breed.pattern == "patches":
        for x, y, r in ((-0.36, -0.04, 0.16), (0.06, 0.02, 0.15), (0.36, 0.24, 0.13)):
            _disc(draw, pose, (x + rng.uniform(-0.03, 0.03), y + rng.uniform(-0.03, 0.03)), r, second)
        _disc(draw, pose, head, breed.head * 0.7, second)
    elif breed.pattern == "blaze":  # white chest, muzzle and feet
        _disc(draw, pose, (0.46, half * 0.3), half * 0.75, second)
        _disc(draw, pose, (head[0] + breed.head * 1.2, head[1] + breed.head * 0.3), breed.head * 0.9, second)
        _limb(
            draw,
            pose,
            -0.6,
            half + breed.legs,
            0.6,
            half + breed.legs,
            breed.legs * 0.4,
            breed.legs * 0.4,
            second,
        )
    elif breed.pattern == "ticked":
        for _ in range(420):
            _disc(
                draw,
                pose,
                (rng.uniform(-0.7, 0.9), rng.uniform(-0.9, 0.8)),
                rng.uniform(0.006, 0.013),
                second,
            )


def _texture(draw: ImageDraw.ImageDraw, breed: Look, size: int, rng: random.Random) -> None:
    tones = [shade(breed.coat, f) for f in (0.78, 0.88, 1.12)]
    if breed.fur == "curly":
        for _ in range(450):
            x, y, r = rng.uniform(0, size), rng.uniform(0, size), size * rng.uniform(0.01, 0.018)
            draw.arc((x - r, y - r, x + r, y + r), rng.uniform(0, 360), 300, rng.choice(tones), 2)
    elif breed.fur == "shaggy":
        for _ in range(500):
            x, y = rng.uniform(0, size), rng.uniform(0, size)
            draw.line((x, y, x - size * rng.uniform(0, 0.02), y + size * 0.05), rng.choice(tones), 2)


def _face(draw: ImageDraw.ImageDraw, breed: Look, pose: Pose, head: Point, muzzle: Point) -> None:
    r, (x, y) = breed.head, head
    dark = shade(breed.coat, 0.55) if sum(breed.coat) > 260 else shade(breed.coat, 1.5)
    ear = breed.second if breed.pattern in ("saddle", "patches") else shade(breed.coat, 0.72)
    shapes: dict[str, list[Point]] = {
        "pricked": [(-0.75, -0.5), (-0.45, -1.75), (0.15, -0.75)],
        "hanging": [(-0.55, -0.75), (-0.05, -0.7), (0.0, 0.35), (-0.3, 0.95), (-0.75, 0.7)],
        "folded": [(-0.75, -0.6), (-0.5, -1.35), (0.1, -1.15), (0.45, -0.55), (-0.1, -0.7)],
        "bat": [(-0.9, -0.4), (-1.0, -1.6), (-0.6, -1.95), (-0.15, -1.6), (0.1, -0.7)],
        "spaniel": [(-0.5, -0.6), (0.0, -0.45), (0.1, 0.9), (-0.1, 1.6), (-0.6, 1.7), (-0.95, 1.0)],
    }
    points = [pose.at(x + dx * r, y + dy * r) for dx, dy in shapes[breed.ears]]
    draw.polygon(points, fill=ear, outline=dark)
    _disc(draw, pose, (muzzle[0] + r * 0.5, muzzle[1] - r * 0.22), r * 0.2, (25, 20, 22), 0.8)
    draw.line(
        [
            pose.at(muzzle[0] + r * 0.45, muzzle[1] + r * 0.2),
            pose.at(muzzle[0] - r * 0.5, muzzle[1] + r * 0.32),
        ],
        dark,
        3,
    )
    _disc(draw, pose, (x + r * 0.42, y - r * 0.22), r * 0.16, (250, 248, 240))
    _disc(draw, pose, (x + r * 0.46, y - r * 0.21), r * 0.12, (40, 25, 20))
    _disc(draw, pose, (x + r * 0.50, y - r * 0.25), r * 0.04, (255, 255, 255))
    neck = [(x - r * 0.95, y + r * 0.75), (x + r * 0.30, y + r * 1.2)]
    draw.line([pose.at(*p) for p in neck], breed.collar, max(4, round(pose.unit * 0.055)))
