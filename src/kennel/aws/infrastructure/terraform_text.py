"""Text as Terraform's language writes it."""

from __future__ import annotations

import json


def quoted(text: str) -> str:
    """Return a text as a literal of Terraform's language, in which ``${`` and ``%{`` would be templates."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
