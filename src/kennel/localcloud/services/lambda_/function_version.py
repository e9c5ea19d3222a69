"""A version of a function: its settings, from which a sandbox is built, and its zip, unpacked once."""

from __future__ import annotations

import contextlib
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


def unpack(version: FunctionVersion, directory: Path) -> Path:
    """Unpack a version's zip once, beside the others of its function.

    Raises
    ------
    LocalCloudError
        It is not a zip file.
    """
    return _unpack(version.code, version.code_sha256, directory / version.name, f"function {version.name}")


def unpack_layer(layer: Layer, directory: Path) -> Path:
    """Unpack a layer's zip once; see `unpack`."""
    return _unpack(layer.code, layer.code_sha256, directory, f"layer {layer.arn}")


def _unpack(code: bytes, sha256: str, directory: Path, owner: str) -> Path:
    digest = "".join(c for c in sha256 if c.isalnum())[:24]
    target = directory / digest
    if target.is_dir():
        return target
    draft = target.with_name(f"{digest}.{uuid.uuid4().hex}")
    try:
        with zipfile.ZipFile(io.BytesIO(code)) as archive:
            draft.mkdir(parents=True)
            for member in archive.infolist():
                # Where it was put: an absolute name, or one with .., is put below the folder as well.
                path = Path(archive.extract(member, draft))
                mode = member.external_attr >> 16 & 0o777
                if mode and path.is_file():
                    path.chmod(mode | 0o400)
    except UNREADABLE as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise LocalCloudError(f"the code of {owner} is not a zip file: {error}") from error
    with contextlib.suppress(OSError):  # another invocation unpacked it meanwhile
        draft.rename(target)
    return target
