"""Paints backgrounds for the sample photos: a dozen places where dogs are photographed."""

from __future__ import annotations

import random
from collections.abc import Callable

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Scene = Callable[[ImageDraw.ImageDraw, int, random.Random], None]


def shade(colour: Colour, factor: float) -> Colour:
    """Return a colour made lighter (factor > 1) or darker."""
    return tuple(max(0, min(255, round(c * factor))) for c in colour)  # type: ignore[return-value]  # three in, three out


def _ground(draw: ImageDraw.ImageDraw, size: int, rng: random.Random, sky: Colour, ground: Colour) -> int:
    """Fill sky and ground, each lighter towards the horizon; return the horizon's row."""
    horizon = round(size * rng.uniform(0.42, 0.56))
    for row in range(0, size, 4):
        below = row >= horizon
        depth = (row - horizon) / (size - horizon) if below else 1 - row / horizon
        draw.rectangle((0, row, size, row + 4), fill=shade(ground if below else sky, 1.1 - 0.3 * depth))
    return horizon


def _strokes(
    draw: ImageDraw.ImageDraw,
    size: int,
    rng: random.Random,
    top: int,
    colours: list[Colour],
    number: int,
    tall: float,
) -> None:
    for _ in range(number):
        x, y = rng.uniform(0, size), rng.uniform(top, size)
        length = size * tall * (0.4 + (y - top) / size)
        draw.line((x, y, x + rng.uniform(-0.3, 0.3) * length, y - length), rng.choice(colours), 2)


def _dots(
    draw: ImageDraw.ImageDraw,
    size: int,
    rng: random.Random,
    top: int,
    colours: list[Colour],
    number: int,
    radius: float,
) -> None:
    for _ in range(number):
        x, y, r = rng.uniform(0, size), rng.uniform(top, size), size * radius * rng.uniform(0.5, 1.3)
        draw.ellipse((x - r, y - r * 0.7, x + r, y + r * 0.7), fill=rng.choice(colours))


def meadow(draw: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    """Grass under a blue sky."""
    horizon = _ground(draw, size, rng, (150, 200, 240), (95, 160, 60))
    _strokes(draw, size, rng, horizon, [(70, 130, 40), (120, 185, 75), (90, 150, 50)], 420, 0.05)


def beach(draw: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    """Sand, a strip of sea, a pale sky."""
    horizon = _ground(draw, size, rng, (175, 220, 240), (230, 205, 150))
    draw.rectangle((0, horizon - size * 0.12, size, horizon + size * 0.03), fill=(40, 130, 170))
    for k in range(5):
        y = horizon - size * 0.1 + k * size * 0.025
        draw.line((rng.uniform(0, size / 3), y, rng.uniform(size / 2, size), y), (215, 240, 245), 2)
    _dots(draw, size, rng, round(horizon + size * 0.04), [(205, 180, 125), (245, 225, 175)], 160, 0.005)


def snow(draw: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    """Snow, dark firs, falling flakes."""
    horizon = _ground(draw, size, rng, (165, 180, 200), (240, 244, 250))
    for _ in range(9):
        x, tall, wide = rng.uniform(0, size), size * rng.uniform(0.16, 0.34), size * rng.uniform(0.04, 0.08)
        draw.polygon([(x - wide, horizon), (x, horizon - tall), (x + wide, horizon)], fill=(40, 75, 65))
    _dots(draw, size, rng, 0, [(255, 255, 255)], 130, 0.006)


def living_room(draw: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    """Striped wallpaper over a plank floor."""
    horizon = _ground(draw, size, rng, (225, 195, 205), (165, 110, 65))
    step = round(size * 0.06)
    for x in range(rng.randrange(step), size, step):
        draw.rectangle((x, 0, x + step // 3, horizon), fill=(190, 130, 150))
    draw.rectangle((0, horizon - size * 0.02, size, horizon + size * 0.015), fill=(245, 240, 230))
    for x in range(-size, 2 * size, round(size * 0.14)):
        draw.line((x, size, size / 2 + (x - size / 2) * 0.6, horizon + size * 0.015), (120, 75, 40), 2)


def bricks(draw: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    """A brick wall over grey pavement."""
    horizon = _ground(draw, size, rng, (205, 195, 185), (150, 150, 155))
    tall, wide = round(size * 0.045), round(size * 0.11)
    for n, y in enumerate(range(-rng.randrange(tall), horizon - tall, tall)):
        for x in range(-wide + (n % 2) * wide // 2, size, wide):
            draw.rectangle(
                (x, y, x + wide - 4, y + tall - 4), fill=shade((165, 70, 50), rng.uniform(0.85, 1.15))
            )


def forest(draw: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    """Trunks in the shade."""
    horizon = _ground(draw, size, rng, (55, 85, 60), (85, 75, 45))
    for _ in range(13):
        x, wide = rng.uniform(0, size), size * rng.uniform(0.015, 0.05)
        draw.rectangle(
            (x, 0, x + wide, horizon + size * rng.uniform(0, 0.08)),
            fill=shade((75, 55, 40), rng.uniform(0.6, 1.2)),
        )
    _strokes(draw, size, rng, horizon, [(50, 75, 35), (70, 95, 50)], 160, 0.06)


def autumn(draw: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    """Fallen leaves under golden trees."""
    horizon = _ground(draw, size, rng, (235, 205, 140), (150, 95, 45))
    leaves = [(215, 120, 30), (190, 60, 30), (235, 175, 50), (140, 70, 30)]
    _dots(draw, size, rng, horizon, leaves, 330, 0.018)
    for _ in range(60):
        x, y, r = rng.uniform(0, size), rng.uniform(0, horizon * 0.75), size * rng.uniform(0.02, 0.06)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=rng.choice(leaves))


def tiles(draw: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    """A kitchen: white wall tiles, a black-and-white floor."""
    horizon = _ground(draw, size, rng, (215, 235, 235), (235, 235, 230))
    step = round(size * 0.07)
    for line in range(rng.randrange(step), size, step):
        draw.line((line, 0, line, horizon), (150, 185, 190), 2)
        if line < horizon:
            draw.line((0, line, size, line), (150, 185, 190), 2)
    rows = 5
    for n in range(rows):
        top, bottom = (horizon + (size - horizon) * (k / rows) ** 1.5 for k in (n, n + 1))
        wide = size * (0.09 + 0.035 * n)
        for k in range(-1, round(size / wide) + 1):
            if (n + k) % 2:
                draw.rectangle((k * wide, top, (k + 1) * wide, bottom), fill=(45, 45, 50))


def dusk(draw: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    """Hills at sunset."""
    horizon = _ground(draw, size, rng, (245, 140, 80), (70, 50, 80))
    x, r = rng.uniform(0.15, 0.85) * size, size * 0.08
    draw.ellipse((x - r, horizon - 2 * r, x + r, horizon), fill=(255, 225, 130))
    for layer in range(3):
        base = horizon + layer * size * 0.03
        points = [(k * size / 8, base - size * rng.uniform(0.01, 0.11)) for k in range(9)]
        draw.polygon([(0, size), *points, (size, size)], fill=shade((110, 70, 110), 1 - 0.25 * layer))


def flowers(draw: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    """A field of tulips."""
    horizon = _ground(draw, size, rng, (200, 225, 250), (60, 125, 70))
    _dots(
        draw, size, rng, horizon, [(235, 60, 90), (250, 215, 60), (250, 250, 250), (190, 80, 200)], 300, 0.013
    )


def fence(draw: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    """A white picket fence before a hedge."""
    horizon = _ground(draw, size, rng, (45, 95, 55), (135, 175, 95))
    wide = size * 0.055
    for k in range(-1, 13):
        x, top = k * wide * 1.5 + rng.uniform(0, 3), horizon - size * 0.3
        draw.polygon(
            [
                (x, horizon + 9),
                (x, top),
                (x + wide / 2, top - wide / 2),
                (x + wide, top),
                (x + wide, horizon + 9),
            ],
            fill=(245, 245, 240),
        )
    for y in (0.08, 0.22):
        draw.rectangle((0, horizon - size * y - 6, size, horizon - size * y + 6), fill=(220, 220, 215))


def carpet(draw: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    """A chequered rug before a blue wall."""
    horizon = _ground(draw, size, rng, (70, 95, 150), (200, 50, 55))
    step = size * 0.07
    for n, y in enumerate(range(horizon, size, round(step))):
        for k in range(16):
            if (n + k) % 2:
                draw.polygon(
                    [
                        (k * step, y),
                        (k * step + step / 2, y + step / 2),
                        (k * step, y + step),
                        (k * step - step / 2, y + step / 2),
                    ],
                    fill=(240, 210, 120),
                )
    draw.rectangle((0, horizon - size * 0.03, size, horizon), fill=(235, 230, 220))


def street(draw: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    """Lit windows of a town at night."""
    horizon = _ground(draw, size, rng, (30, 35, 60), (70, 70, 78))
    x = -size * 0.05
    while x < size:
        wide, tall = size * rng.uniform(0.12, 0.22), size * rng.uniform(0.25, 0.45)
        draw.rectangle(
            (x, horizon - tall, x + wide, horizon), fill=shade((60, 60, 85), rng.uniform(0.6, 1.2))
        )
        for row in range(int(tall / (size * 0.06))):
            for column in range(int(wide / (size * 0.045))):
                lit = (250, 220, 120) if rng.random() < 0.55 else (35, 35, 50)
                left, top = x + size * (0.012 + 0.045 * column), horizon - tall + size * (0.015 + 0.06 * row)
                draw.rectangle((left, top, left + size * 0.022, top + size * 0.034), fill=lit)
        x += wide + 2
    draw.line((0, horizon + size * 0.2, size, horizon + size * 0.2), (230, 230, 220), 5)


SCENES: tuple[Scene, ...] = (
    meadow, beach, snow, living_room, bricks, forest, autumn, tiles, dusk, flowers, fence, carpet, street,
)  # fmt: skip


def paint(scene: int, size: int, rng: random.Random) -> Image.Image:
    """Return a background of ``size`` x ``size`` pixels, different at every call."""
    image = Image.new("RGB", (size, size))
    SCENES[scene % len(SCENES)](ImageDraw.Draw(image), size, rng)
    return image
