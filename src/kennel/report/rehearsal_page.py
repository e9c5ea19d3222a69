"""The report of a rehearsal: one HTML file without external resources."""

from __future__ import annotations

import base64
import csv
import io
from collections import Counter
from pathlib import Path
from typing import Any

from kennel.report import learning_curve

_TEMPLATES = Path(__file__).parent / "templates"


def write(
    target: Path, result: dict[str, Any], audit_log: list[dict[str, Any]], records: Path | None = None
) -> Path:
    """Write the report of one rehearsal and return its path.

    Parameters
    ----------
    result
        The document of ``result.json``.
    audit_log
        Entries of the local cloud's audit log: ``principal, action, resource, decision, reason``.
    records
        Folder of what the training wrote: ``history.csv`` for the learning curve.
    """
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    environment = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=select_autoescape())
    history = records / "history.csv" if records else None
    curve = learning_curve.draw(_rows(history)) if history and history.exists() else None
    page = environment.get_template("rehearsal.html").render(
        result=result,
        total=sum(step["seconds"] for step in result["steps"]) or 1,
        photo=_thumbnail(result["photo"]),
        curve=curve,
        callers=_callers(audit_log),
        denied=[entry for entry in audit_log if entry["decision"] == "deny"],
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


def _callers(audit_log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Count the calls of the audit log by caller and action, most calls first."""
    calls: dict[str, Counter[str]] = {}
    for entry in audit_log:
        calls.setdefault(_short(entry["principal"]), Counter())[entry["action"]] += 1
    rows = [
        {"name": name, "calls": counted.total(), "actions": counted.most_common(8), "kinds": len(counted)}
        for name, counted in calls.items()
    ]
    return sorted(rows, key=lambda row: -row["calls"])


def _short(principal: Any) -> str:
    """Return the role's name for the ARN of an assumed role, else the last part of the ARN."""
    parts = str(principal or "anonymous").split("/")
    return parts[1] if ":assumed-role" in parts[0] and len(parts) > 1 else parts[-1]
