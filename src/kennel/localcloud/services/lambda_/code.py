"""Lambda's checks of a function and of a layer before it takes them; moto takes nearly anything."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

from moto.core.utils import get_service_model

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.coverage import describe, refusal
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.customer_keys import digest_with
from kennel.localcloud.moto_adapter.replicas import version_of
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.lambda_.function_version import IMAGES, UNREADABLE

LARGEST_UNZIPPED = 262_144_000  # bytes; Lambda developer guide, "Lambda quotas"
MOST_LAYERS = 5
ENCRYPTED = 0x1  # the flag of an entry
# AWS creates no functions with older ones; all run under Kennel's own Python.
RUNTIMES = re.compile(r"python3\.(9|1\d)")

describe(
    "lambda",
    "functions run in sandboxes with their roles, versions, aliases and their weights, layers, reserved and "
    "provisioned concurrency, asynchronous events with retries, destinations and dead letters, queues as "
    "event sources, function URLs; topics, buckets and alarms invoke them",
)
OTHER_RUNTIMES = refusal(
    "lambda", "runtimes other than Python's", "write the function for python3.9 or newer"
)
MEMBERS = refusal(
    "lambda",
    "`FileSystemConfigs`, `CapacityProviderConfig`, `DurableConfig`, `TenancyConfig`, `CodeSigningConfigArn` "
    "and `SnapStart` of functions",
    "leave it out",
)
WRAPPERS = refusal("lambda", "wrapper scripts of `AWS_LAMBDA_EXEC_WRAPPER`", "leave the variable out")
EXTENSIONS = refusal("lambda", "extensions in layers", "publish the layer without its folder `extensions/`")
REFUSED_MEMBERS = (
    "FileSystemConfigs",
    "CapacityProviderConfig",
    "DurableConfig",
    "TenancyConfig",
    "CodeSigningConfigArn",
)


@operation("lambda", "CreateFunction", "UpdateFunctionConfiguration")
def take_function(call: Call) -> Response:
    """Refuse what is no zip, as Lambda does, and by name what does not run here."""
    _check_settings(call.parameters)
    _check_code(call.parameters.get("Code") or {})
    return call.ask_moto()


@operation("lambda", "UpdateFunctionCode")
def take_code(call: Call) -> Response:
    """Refuse what is no zip, as Lambda does, and images."""
    _check_code(call.parameters)
    return call.ask_moto()


@operation("lambda", "PublishLayerVersion")
def take_layer(call: Call) -> Response:
    """Refuse what is no zip, and extensions, which would not be started."""
    _check_readable(call.parameters["Content"])
    content = call.parameters["Content"].get("ZipFile")
    if isinstance(content, bytes) and any(name.startswith("extensions/") for name in _check_zip(content)):
        raise EXTENSIONS.error()
    return call.ask_moto()


def _check_settings(parameters: dict[str, Any]) -> None:
    if parameters.get("PackageType") == "Image":
        raise IMAGES.error()
    runtime = parameters.get("Runtime")
    known = get_service_model("lambda").shape_for("Runtime").enum
    if runtime is not None and runtime not in known:
        raise AwsError(
            "InvalidParameterValueException",
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(known)}] or be a valid ARN",
            400,
            Type="User",
        )
    if runtime is not None and not RUNTIMES.fullmatch(runtime):
        raise OTHER_RUNTIMES.error(f"runtime {runtime}")
    for name in REFUSED_MEMBERS:
        if parameters.get(name):
            raise MEMBERS.error(f"{name} of functions")
    if (parameters.get("SnapStart") or {}).get("ApplyOn") not in (None, "None"):
        raise MEMBERS.error("SnapStart of functions")
    if "AWS_LAMBDA_EXEC_WRAPPER" in ((parameters.get("Environment") or {}).get("Variables") or {}):
        raise WRAPPERS.error()
    if len(parameters.get("Layers") or ()) > MOST_LAYERS:
        raise AwsError(
            "InvalidParameterValueException", f"Function can have at most {MOST_LAYERS} layers.", 400
        )


def _check_code(code: dict[str, Any]) -> None:
    if code.get("ImageUri"):
        raise IMAGES.error()
    _check_readable(code)
    content = code.get("ZipFile")
    if isinstance(content, bytes):
        _check_zip(content)


def _check_readable(code: dict[str, Any]) -> None:
    """Refuse an object under a customer's key (SSE-C), which Lambda does not have."""
    bucket, key = code.get("S3Bucket"), code.get("S3Key")
    if bucket and key and digest_with(version_of(bucket, key, code.get("S3ObjectVersion"))):
        raise AwsError(
            "InvalidParameterValueException",
            "Error occurred while GetObject. S3 Error Code: InvalidRequest. S3 Error Message: The object was "
            "stored using a form of Server Side Encryption. The correct parameters must be provided to "
            "retrieve the object.",
        )


def _check_zip(content: bytes) -> list[str]:
    """Return the names in a zip.

    Raises
    ------
    AwsError
        ``InvalidParameterValueException``: it is no zip, encrypted, or too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except UNREADABLE as error:
        raise _unreadable() from error
    if any(entry.flag_bits & ENCRYPTED for entry in entries):
        raise _unreadable()
    if sum(entry.file_size for entry in entries) >= LARGEST_UNZIPPED:
        raise AwsError(
            "InvalidParameterValueException",
            f"Unzipped size must be smaller than {LARGEST_UNZIPPED} bytes",
        )
    return [entry.filename for entry in entries]


def _unreadable() -> AwsError:
    return AwsError(
        "InvalidParameterValueException",
        "Could not unzip uploaded file. Please check your file, then try to upload again.",
    )
