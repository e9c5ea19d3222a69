"""The page that a rehearsal leaves behind: one HTML file without anything to fetch."""

from __future__ import annotations

import base64
import csv
import io
from collections import Counter
from pathlib import Path
from typing import Any

from kennel.report import plots

_TEMPLATES = Path(__file__).parent / "templates"


def write(
    target: Path, result: dict[str, Any], ledger: list[dict[str, Any]], history: Path | None = None
) -> Path:
    """Write the page of one rehearsal.

    Parameters
    ----------
    result
        The document in ``result.json``.
    ledger
        The local cloud's record of calls.
    history
        ``history.csv`` of the training, for the learning curve.
    """
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    environment = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=select_autoescape())
    curve = plots.learning_curve(_rows(history)) if history and history.exists() else None
    page = environment.get_template("rehearsal.html").render(
        result=result,
        total=sum(step["seconds"] for step in result["steps"]) or 1,
        photo=_thumbnail(result["photo"]),
        curve=curve,
        callers=_callers(ledger),
        denied=[entry for entry in ledger if entry["decision"] == "deny"],
    )
    target.write_text(page)
    return target


def _rows(history: Path) -> list[dict[str, float]]:
    with history.open(newline="") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def _thumbnail(photo: str) -> str | None:
    """Return a small JPEG of the photo as a data URL; None if it cannot be read."""
    from PIL import Image, ImageOps

    if not photo or not Path(photo).is_file():
        return None
    try:
        with Image.open(photo) as image:
            image.draft("RGB", (640, 640))
            small = ImageOps.exif_transpose(image).convert("RGB")
            small.thumbnail((480, 480))
    except OSError:
        return None
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _callers(ledger: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Count the ledger's calls by caller and action, the busiest caller first."""
    calls: dict[str, Counter[str]] = {}
    for entry in ledger:
        calls.setdefault(_short(entry["principal"]), Counter())[entry["action"]] += 1
    rows = [
        {"name": name, "calls": counted.total(), "actions": counted.most_common(8), "kinds": len(counted)}
        for name, counted in calls.items()
    ]
    return sorted(rows, key=lambda row: -row["calls"])


def _short(principal: Any) -> str:
    """Return the role of a session's ARN, or the last part of any other."""
    parts = str(principal or "nobody").split("/")
    return parts[1] if ":assumed-role" in parts[0] and len(parts) > 1 else parts[-1]
