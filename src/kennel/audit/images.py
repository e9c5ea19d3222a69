"""The table of AWS's images, ``terraform/images.json``, and what is wrong with the age of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from kennel.audit import AuditError

TABLE = Path("terraform", "images.json")
USES = ("training", "inference")
NOTICE = timedelta(days=90)  # how long before an image's end of patch the audit warns of it
REVIEW = timedelta(days=180)  # how long it counts that AWS's table names no end
MINIMUM_REASON_LENGTH = 10


@dataclass(frozen=True)
class ImageException:
    """Why an image is used past its end of patch: the reason, the page that decides it, and until when."""

    reason: str
    decision: str
    until: date


@dataclass(frozen=True)
class Image:
    """One image of AWS's Deep Learning Containers.

    Attributes
    ----------
    end_of_patch
        The last day on which AWS patches it; None if AWS's table names no end.
    as_of
        The day of that table, where it names no end.
    line
        Where the file says so.
    """

    use: str
    accelerator: str
    repository: str
    tag: str
    python: str
    end_of_patch: date | None
    as_of: date | None
    source: str
    line: int
    exception: ImageException | None = None

    @property
    def name(self) -> str:
        """``repository:tag``, the same in every region's registry."""
        return f"{self.repository}:{self.tag}"


@dataclass(frozen=True)
class Ageing:
    """An image that AWS patches no longer or not for long, or of which it is long known to name no end.

    Parameters
    ----------
    ended
        Whether its end of patch has passed.
    reason
        Why it may be used nevertheless; empty if nothing excepts it.
    """

    image: Image
    message: str
    ended: bool
    reason: str = ""


def images(root: Path) -> list[Image]:
    """Return the images of a checkout's table, in its order.

    Raises
    ------
    AuditError
        The table is missing or lacks something; the text says what.
    """
    path = root / TABLE
    if not path.is_file():
        raise AuditError(f"{path} is missing: restore it: git checkout -- {TABLE}")
    text = path.read_text(encoding="utf-8")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if '"end_of_patch"' in line]
    try:
        table = json.loads(text)
        entries = [(use, accelerator, entry) for use in USES for accelerator, entry in table[use].items()]
        return [
            _image(use, accelerator, entry, line)
            for (use, accelerator, entry), line in zip(entries, lines, strict=True)
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AuditError(
            f"{path} is no table of images: {error!r}; docs/platforms.md says what an image has"
        ) from error


def ageing(root: Path, today: date) -> Iterator[Ageing]:
    """Yield the images whose end of patch is less than 90 days away, has passed, or must be looked up again.

    Parameters
    ----------
    root
        The checkout, which has the table and the pages that its exceptions name.
    today
        The day for which the ends are judged.

    Raises
    ------
    AuditError
        The table is missing or lacks something.
    """
    for image in images(root):
        if image.end_of_patch is None:
            if image.as_of is not None and today - image.as_of > REVIEW:
                message = (
                    f"that AWS names no end of patch of {image.name} was read in its table of {image.as_of}: "
                    f"read it again, and write the day or the end in {TABLE}"
                )
                yield Ageing(image, message, ended=False)
        elif today > image.end_of_patch:
            message = f"AWS patches {image.name} no longer, since {image.end_of_patch}"
            refusal = _refusal(image.exception, root, today)
            if refusal:
                yield Ageing(image, f"{message}; {refusal}", ended=True)
            elif image.exception is not None:
                exception = image.exception
                reason = f"{exception.reason} ({exception.decision}; until {exception.until})"
                yield Ageing(image, message, ended=True, reason=reason)
        elif image.end_of_patch - today <= NOTICE:
            days = (image.end_of_patch - today).days
            yield Ageing(
                image,
                f"AWS patches {image.name} for {days} days more, until {image.end_of_patch}",
                ended=False,
            )


def _image(use: str, accelerator: str, entry: dict[str, Any], line: int) -> Image:
    exception, end = entry.get("exception"), entry["end_of_patch"]
    return Image(
        use=use,
        accelerator=accelerator,
        repository=entry["repository"],
        tag=entry["tag"],
        python=entry["python"],
        end_of_patch=date.fromisoformat(end) if end else None,
        as_of=None if end else date.fromisoformat(entry["as_of"]),
        source=entry["source"],
        line=line,
        exception=exception
        and ImageException(
            exception["reason"], exception["decision"], date.fromisoformat(exception["until"])
        ),
    )


def _refusal(exception: ImageException | None, root: Path, today: date) -> str:
    """Return why an image past its end may not be used; empty if its exception is valid."""
    if exception is None:
        return f"choose a newer one in {TABLE}, or write there why it is kept (exception)"
    if len(exception.reason.strip()) < MINIMUM_REASON_LENGTH:
        return "its exception has no reason"
    if not (root / exception.decision).is_file():
        return f"its exception names no page of this checkout: {exception.decision}"
    if today > exception.until:
        return f"its exception ended on {exception.until}"
    return ""
