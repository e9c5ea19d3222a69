"""Whether provider 6 accepts this Terraform code: ``python -m kennel.checks.provider_schema``.

Provider 5.100 validates the code on every run. This compares it with the schema of a provider 6, of which
``provider_6.json`` has the part that the code uses; ``provider_extract`` writes that file.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from kennel.checks.terraform_style import parse

EXTRACT = Path(__file__).with_name("provider_6.json")
REFRESH = "write the extract anew (src/kennel/checks/provider_extract.py says how)"
# Arguments of Terraform itself, in every resource or data source.
_OF_TERRAFORM = {"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioner"}
_REFERENCE = re.compile(
    r"(?<![\w.])(?P<data>data\.)?(?P<type>aws_[a-z0-9_]+)\.[\w-]+(?:\[[^\]]*\])*\.(?P<attribute>[a-z_][a-z0-9_]*)"
)
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)

Kind = Literal["resource", "data", "provider"]


def violations(terraform: Path, extract: dict[str, Any] | None = None) -> Iterator[str]:
    """Return a line for what provider 6 lacks of this code, or requires in addition.

    Parameters
    ----------
    terraform
        The root module; its own modules are in ``modules/``.
    extract
        The schema, as `provider_extract` returns it; that of ``provider_6.json`` if None.
    """
    schema = extract or json.loads(EXTRACT.read_text(encoding="utf-8"))
    version = f"provider {schema['provider']}"
    for path in _files(terraform):
        name = str(path.relative_to(terraform.parent))
        for kind, type_, label, body in _bodies(path):
            key = f"{kind} {type_}"
            if key not in schema["types"]:
                yield f"{name}: {key} is not in provider_6.json: {REFRESH}"
            elif schema["types"][key] is None:
                yield f"{name}: {version} has no {key}"
            else:
                place = f"{name}: {type_}.{label}" if label else f"{name}: {key}"
                for fault in _faults(body, schema["types"][key], ""):
                    yield f"{place}: {version} {fault}"
        for reference in _REFERENCE.finditer(_COMMENT.sub("", path.read_text(encoding="utf-8"))):
            known = schema["types"].get(f"{'data' if reference['data'] else 'resource'} {reference['type']}")
            readable = known and {*known["attributes"], *known["required"], *known["optional"]}
            if readable and reference["attribute"] not in readable:
                yield f"{name}: {version} has no attribute {reference['attribute']} of {reference['type']}"


def used_types(terraform: Path) -> set[tuple[Kind, str]]:
    """Return kind and name of every resource, data source and provider of the root and its modules."""
    return {(kind, type_) for path in _files(terraform) for kind, type_, _, _ in _bodies(path)}


def _files(terraform: Path) -> list[Path]:
    return sorted([*terraform.glob("*.tf"), *terraform.glob("modules/*/*.tf")])


def _bodies(path: Path) -> Iterator[tuple[Kind, str, str, dict[str, Any]]]:
    """Yield kind, type, name and body of a file's resources, data sources and providers of AWS."""
    content = parse(path)
    kinds: tuple[Kind, ...] = ("resource", "data")
    for kind in kinds:
        for block in content.get(kind, []):
            for type_, bodies in block.items():
                if type_.startswith("aws_"):
                    yield from ((kind, type_, label, body) for label, body in bodies.items())
    for block in content.get("provider", []):
        yield from (("provider", name, "", body) for name, body in block.items() if name == "aws")


def _faults(body: dict[str, Any], schema: dict[str, Any], path: str) -> Iterator[str]:
    """Yield what a block sets that its schema lacks, and what the schema requires in addition."""
    given = {name: value for name, value in body.items() if name != "dynamic"}
    for dynamic in body.get("dynamic", []):
        for name, generated in dynamic.items():
            given[name] = [*given.get(name, []), *generated["content"]]
    if not path:
        given = {name: value for name, value in given.items() if name not in _OF_TERRAFORM}
    known = {*schema["required"], *schema["optional"]}
    for name, value in given.items():
        if name not in known:
            yield f"has no argument {path}{name}"
        elif name in schema["blocks"]:
            for inner in value if isinstance(value, list) else [value]:
                if isinstance(inner, dict):
                    yield from _faults(inner, schema["blocks"][name], f"{path}{name}.")
    for name in schema["required"]:
        if name not in given:
            yield f"requires the argument {path}{name}"


def main() -> int:
    """Print the violations; return 1 if there are any."""
    lines = list(violations(Path("terraform")))
    print("\n".join(lines) or "no violation")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
