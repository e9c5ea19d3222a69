"""The style of the Terraform code, of parsed HCL: ``python -m kennel.checks.terraform_style``.

What ``terraform fmt``, ``terraform validate`` and checkov do not look at: that every module has the same
four files, and that each variable and output stands in its place, with its type and description.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hcl2

FILES = ("main.tf", "outputs.tf", "variables.tf", "versions.tf")
LOCK = ".terraform.lock.hcl"
LOCKED_PACKAGES = 14  # what the provider publishes of a release: one for each platform
_PLAIN = hcl2.SerializationOptions(strip_string_quotes=True, explicit_blocks=False, with_comments=False)

Blocks = dict[str, dict[str, Any]]


def parse(path: Path) -> dict[str, Any]:
    """Return the content of an HCL file: lists of blocks by their kind, and values by their names.

    It is not to be changed: equal files share it.
    """
    return _content(path.read_text(encoding="utf-8"))


@cache
def _content(text: str) -> dict[str, Any]:
    content: dict[str, Any] = hcl2.loads(text, serialization_options=_PLAIN)
    return content


def blocks(path: Path, kind: str) -> Blocks:
    """Return the bodies of a file's blocks of one kind that have one label, by that label, in order."""
    return {label: body for block in parse(path).get(kind, []) for label, body in block.items()}


def variables(module: Path) -> Blocks:
    """Return the bodies of all variables of a module, from all its ``variables*.tf``, by name."""
    return {
        name: body
        for path in sorted(module.glob("variables*.tf"))
        for name, body in blocks(path, "variable").items()
    }


def violations(terraform: Path) -> Iterator[str]:
    """Return a line for each violation of the style.

    Parameters
    ----------
    terraform
        The root module; its own modules are in ``modules/``, its variable files in ``environments/``.
    """
    modules = sorted(path for path in (terraform / "modules").iterdir() if path.is_dir())
    versions = parse(terraform / "versions.tf").get("terraform")
    for module in [terraform, *modules]:
        name = str(module.relative_to(terraform.parent))
        missing = [file for file in FILES if not (module / file).is_file()]
        if missing:
            yield f"{name}: lacks {', '.join(missing)}"
            continue
        yield from _in_order_and_described(module, name)
        yield from _typed(module, name)
        if parse(module / "versions.tf").get("terraform") != versions:
            yield f"{name}/versions.tf: asks for another Terraform or provider than the root"
        if module is not terraform and not _has_main_resource(module):
            yield f"{name}/main.tf: its main resource is not named this"
    yield from _environments(terraform)
    yield from _lock(terraform)


def _in_order_and_described(module: Path, name: str) -> Iterator[str]:
    files = [(path.name, "variable") for path in sorted(module.glob("variables*.tf"))]
    for file, kind in (*files, ("outputs.tf", "output")):
        bodies = blocks(module / file, kind)
        for label, following in zip(list(bodies), list(bodies)[1:], strict=False):
            if following < label:
                yield f"{name}/{file}: {kind} {following} comes after {label}: order them alphabetically"
        for label, body in bodies.items():
            if not body.get("description"):
                yield f"{name}/{file}: {kind} {label} has no description"


def _typed(module: Path, name: str) -> Iterator[str]:
    for path in sorted(module.glob("variables*.tf")):
        for label, body in blocks(path, "variable").items():
            where = f"{name}/{path.name}: variable {label}"
            if "type" not in body:
                yield f"{where} has no type"
            null_by_default = "default" in body and body["default"] is None
            if null_by_default == (body.get("nullable") is False):
                yield f"{where}: null must be its default, or refused with nullable = false"
            for validation in body.get("validation", []):
                if not str(validation["error_message"]).startswith(label):
                    yield f"{where}: an error_message does not begin with the variable's name"


def _has_main_resource(module: Path) -> bool:
    resources = parse(module / "main.tf").get("resource", [])
    return any("this" in names for resource in resources for names in resource.values())


def _environments(terraform: Path) -> Iterator[str]:
    declared = variables(terraform).keys()
    for path in sorted((terraform / "environments").glob("*.tfvars")):
        settings = parse(path)
        for name in sorted(settings.keys() - declared):
            yield f"{terraform.name}/environments/{path.name}: {name} is no variable of the root"
        if settings.get("environment") != path.stem:
            yield f"{terraform.name}/environments/{path.name}: environment is not {path.stem}"


def _lock(terraform: Path) -> Iterator[str]:
    for provider, body in blocks(terraform / LOCK, "provider").items():
        checksums = {checksum for checksum in body["hashes"] if checksum.startswith("zh:")}
        if len(checksums) < LOCKED_PACKAGES:
            yield (
                f"{terraform.name}/{LOCK}: {provider} has the checksums of {len(checksums)} packages: other "
                "platforms cannot verify theirs; restore them: git checkout -- terraform/.terraform.lock.hcl"
            )


def main() -> int:
    """Print the violations; return 1 if there are any."""
    lines = list(violations(Path("terraform")))
    print("\n".join(lines) or "no violation")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
