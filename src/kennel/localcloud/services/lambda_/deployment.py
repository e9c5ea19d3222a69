"""A function as it is deployed: its zip, unpacked once, and the settings that a sandbox is built from."""

from __future__ import annotations

import contextlib
import io
import uuid
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from kennel.localcloud import LocalCloudError


@dataclass(frozen=True)
class Deployment:
    """A version of a function as it is deployed: what a sandbox is built from.

    Two equal deployments may share sandboxes; `code` is left out since `code_sha256` stands for it.
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
    code: bytes = field(default=b"", compare=False, repr=False)


def unpack(deployment: Deployment, directory: Path) -> Path:
    """Unpack a deployment's zip once, beside the others of its function.

    Raises
    ------
    LocalCloudError
        It is not a zip file.
    """
    digest = "".join(c for c in deployment.code_sha256 if c.isalnum())[:24]
    target = directory / deployment.name / digest
    if target.is_dir():
        return target
    draft = target.with_name(f"{digest}.{uuid.uuid4().hex}")
    try:
        with zipfile.ZipFile(io.BytesIO(deployment.code)) as archive:
            archive.extractall(draft)
            for member in archive.infolist():
                mode = member.external_attr >> 16 & 0o777
                if mode and not member.is_dir():
                    (draft / member.filename).chmod(mode | 0o400)
    except zipfile.BadZipFile as error:
        raise LocalCloudError(f"the code of function {deployment.name} is not a zip file") from error
    with contextlib.suppress(OSError):  # another invocation unpacked it meanwhile
        draft.rename(target)
    return target
