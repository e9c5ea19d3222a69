"""Pages of one file: a template with the style of all pages, and without external resources."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from kennel import class_names

_HERE = Path(__file__).parent
_TEMPLATES = _HERE / "templates"


def render(template: str, **values: object) -> str:
    """Return the HTML of a template; it gets its style, and the hash by which its policy allows it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["readable"] = class_names.readable
    style = (_HERE / "theme.css").read_text(encoding="utf-8") + (_TEMPLATES / "report.css").read_text(
        encoding="utf-8"
    )
    style_hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template(template).render(style=style, style_hash=style_hash, **values)
