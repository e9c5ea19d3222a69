"""A version of a function: its settings, from which a sandbox is built, and its zip, unpacked once."""

from __future__ import annotations

import contextlib
import hashlib
import io
import shutil
import uuid
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kennel.localcloud import LocalCloudError
from kennel.localcloud.dispatch.coverage import refusal
from kennel.localcloud.moto_adapter.functions import LAYER_CONTENTS
from kennel.localcloud.runtime.opt_ml import rewrite_scripts
from kennel.localcloud.services.lambda_.layers import names_in, with_layers

IMAGES = refusal("lambda", "functions from container images", "deploy a zip with a Python runtime")

# What zipfile raises for archives that are damaged, encrypted, compressed by other methods, or that hold a
# file where another entry's folder is.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True)
class Layer:
    """A version of a layer: a zip whose content a sandbox finds on its paths."""

    arn: str
    code_sha256: str
    code: bytes = field(default=b"", compare=False, repr=False)


@dataclass(frozen=True)
class FunctionVersion:
    """A version of a function: what a sandbox is built from.

    Equal versions may share sandboxes; `code` is left out of the comparison, `code_sha256` stands for it.
    """

    name: str
    version: str
    arn: str
    role: str
    handler: str
    runtime: str
    timeout: float
    memory: int
    code_sha256: str
    variables: tuple[tuple[str, str], ...] = ()
    log_group: str = ""
    log_format: str = "Text"
    log_level: str = ""
    layers: tuple[Layer, ...] = ()
    code: bytes = field(default=b"", compare=False, repr=False)


def read_version(record: Any) -> FunctionVersion:
    """Return what moto's record of a version holds.

    Raises
    ------
    AwsError
        It is a container image, which the local cloud does not run; a state of an earlier version has some.
    """
    if record.package_type != "Zip":
        raise IMAGES.error()
    logging = getattr(record, "logging_config", None) or {}
    return FunctionVersion(
        name=record.function_name,
        version=str(record.version),
        arn=record.function_arn,
        role=record.role,
        handler=record.handler,
        runtime=record.run_time,
        timeout=float(record.timeout),
        memory=int(record.memory_size),
        code_sha256=record.code_sha_256,
        variables=tuple(sorted((record.environment_vars or {}).items())),
        log_group=logging.get("LogGroup") or f"/aws/lambda/{record.function_name}",
        log_format=logging.get("LogFormat") or "Text",
        log_level=logging.get("ApplicationLogLevel") or "",
        layers=tuple(
            Layer(layer.arn, layer.code_sha_256, layer.code_bytes)
            for layer in getattr(record, LAYER_CONTENTS, ())
        ),
        code=record.code_bytes,
    )


def unpack(version: FunctionVersion, directory: Path, opt: Path | None = None) -> Path:
    """Unpack a version's zip once, beside the others of its function.

    Parameters
    ----------
    opt
        Where its layers are, see `unpack_layers`: its scripts find them there.

    Raises
    ------
    LocalCloudError
        It is not a zip file.
    """
    owner, digest = f"function {version.name}", _short(version.code_sha256)
    target = directory / version.name / (f"{digest}-{opt.name}" if opt else digest)
    return _unpack([version.code], target, owner, opt)


def unpack_layers(version: FunctionVersion, directory: Path) -> Path | None:
    """Unpack a version's layers once, the last one over the others; None if it has none; see `unpack`."""
    if not version.layers:
        return None
    digests = "\n".join(layer.code_sha256 for layer in version.layers)
    target = directory / hashlib.sha256(digests.encode()).hexdigest()[:24]
    owner = "layers " + ", ".join(layer.arn for layer in version.layers)
    return _unpack([layer.code for layer in version.layers], target, owner, target)


def _short(sha256: str) -> str:
    return "".join(c for c in sha256 if c.isalnum())[:24]


def _unpack(codes: list[bytes], target: Path, owner: str, opt: Path | None) -> Path:
    if target.is_dir():
        return target
    draft = target.with_name(f"{target.name}.{uuid.uuid4().hex}")
    try:
        draft.mkdir(parents=True)
        for code in codes:
            _extract(code, draft)
    except UNREADABLE as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise LocalCloudError(f"the code of {owner} is not a zip file: {error}") from error
    if opt:
        names = names_in(draft if opt == target else opt)
        rewrite_scripts(draft, lambda content: with_layers(content, opt, names))
    with contextlib.suppress(OSError):  # another invocation unpacked it meanwhile
        draft.rename(target)
    return target


def _extract(code: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(code)) as archive:
        for member in archive.infolist():
            # Where it was put: an absolute name, or one with .., is put below the folder as well.
            path = Path(archive.extract(member, folder))
            mode = member.external_attr >> 16 & 0o777
            if mode and path.is_file():
                path.chmod(mode | 0o600)
