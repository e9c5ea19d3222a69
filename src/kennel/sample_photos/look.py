"""The look of a drawn breed: coat, pattern, ears, proportions, different for every breed."""

from __future__ import annotations

from dataclasses import dataclass

from kennel.sample_photos.scene import Colour

COATS: tuple[Colour, ...] = (
    (222, 184, 125), (45, 40, 42), (120, 70, 40), (238, 232, 220), (176, 88, 38), (128, 132, 140),
    (205, 140, 70), (82, 58, 48), (160, 150, 135), (214, 205, 165), (96, 108, 128),
)  # fmt: skip
SECONDS: tuple[Colour, ...] = ((250, 246, 238), (35, 30, 30), (190, 120, 60), (110, 62, 36), (215, 210, 205))
PATTERNS = ("solid", "spots", "saddle", "stripes", "patches", "blaze", "ticked")
EARS = ("pricked", "hanging", "folded", "bat", "spaniel")
TAILS = ("sickle", "curled", "plume", "stub")
FURS = ("smooth", "curly", "shaggy")
COLLARS: tuple[Colour, ...] = (
    (210, 30, 40),
    (30, 90, 200),
    (245, 200, 40),
    (40, 160, 80),
    (150, 60, 170),
    (240, 130, 30),
)


@dataclass(frozen=True)
class Look:
    """What all dogs of a breed share."""

    coat: Colour
    second: Colour
    pattern: str
    ears: str
    tail: str
    fur: str
    collar: Colour
    legs: float
    """Length of the legs, in body lengths."""
    girth: float
    """Height of the chest, in body lengths."""
    head: float
    """Radius of the head, in body lengths."""
    muzzle: float
    """Length of the muzzle, in head radii."""


def look(breed: int) -> Look:
    """Return the look of breed number ``breed``.

    The traits' numbers of values are mostly coprime, so breeds with one equal trait differ in others.
    """
    second = SECONDS[(breed * 2 + breed // 11) % len(SECONDS)]
    coat = COATS[breed % len(COATS)]
    if sum(abs(a - b) for a, b in zip(coat, second, strict=True)) < 150:  # the pattern must show
        second = SECONDS[0] if sum(coat) < 400 else SECONDS[1]
    return Look(
        coat=coat,
        second=second,
        pattern=PATTERNS[(breed + 2 * (breed // 13)) % len(PATTERNS)],
        ears=EARS[(breed // 2) % len(EARS)],
        tail=TAILS[(breed // 3) % len(TAILS)],
        fur=FURS[(breed // 7) % len(FURS)],
        collar=COLLARS[(breed + breed // 5) % len(COLLARS)],
        legs=(0.22, 0.38, 0.52)[(breed // 4) % 3],
        girth=(0.30, 0.38, 0.46)[(breed // 5) % 3],
        head=(0.15, 0.19, 0.23)[(breed // 6) % 3],
        muzzle=(0.6, 1.0, 1.4)[(breed // 8) % 3],
    )
