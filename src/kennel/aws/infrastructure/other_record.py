"""A root module that plans for another record of what is deployed than the one on AWS.

So a change can be planned and shown before the record is written: who applies the stack meanwhile does it for
the record as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kennel.aws.infrastructure.stateless_root import linked
from kennel.aws.infrastructure.terraform_text import quoted

# An override file of Terraform replaces what it names: here the record that the plan would read.
OVERRIDE = "record_override.tf"


@contextmanager
def planning_for(root: Path, record: dict[str, Any]) -> Iterator[Path]:
    """Yield a root module like that in ``root``, with its backend, for a record; it is deleted at the end."""
    with linked(root) as copy:
        text = f"locals {{\n  record = jsondecode({quoted(json.dumps(record))})\n}}\n"
        (copy / OVERRIDE).write_text(text, encoding="utf-8")
        yield copy
