"""Data capture: what goes into an endpoint and comes out of it, as lines of JSON in S3.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import base64
import json
import logging
import random
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime import storage
from kennel.localcloud.runtime.role_session import role_session
from kennel.localcloud.services.sagemaker.endpoints.variant_plan import SERVICE, SESSION

log = logging.getLogger(__name__)

JSON_TYPES, CSV_TYPES = ("application/json",), ("text/csv",)


@dataclass(frozen=True)
class Content:
    """A request's or a response's content, and its type."""

    body: bytes
    content_type: str


def document(
    config: Mapping[str, Any], request: Content, response: Content, now: datetime, attributes: str = ""
) -> dict[str, Any]:
    """Return what is captured of an invocation.

    Parameters
    ----------
    config
        ``DataCaptureConfig``.
    request, response
        What went in and came out.
    now
        When.
    attributes
        The request's ``CustomAttributes``.
    """
    modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
    both = "InputAndOutput" in modes
    captured = {}
    for mode, content in (("Input", request), ("Output", response)):
        if both or mode in modes:
            text, encoding = _encoded(content, config.get("CaptureContentTypeHeader") or {})
            captured[f"endpoint{mode}"] = {
                "observedContentType": content.content_type,
                "mode": mode.upper(),
                "data": text,
                "encoding": encoding,
            }
    metadata: dict[str, Any] = {"eventId": str(uuid.uuid4()), "inferenceTime": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
    if attributes:
        metadata["customAttributes"] = [attributes]
    return {"captureData": captured, "eventMetadata": metadata, "eventVersion": "0"}


def _encoded(content: Content, types: Mapping[str, Any]) -> tuple[str, str]:
    """Return a content as text, and how: by default everything but JSON and CSV in base64."""
    kind = content.content_type.partition(";")[0].strip().lower()
    for encoding, names, member in (
        ("JSON", JSON_TYPES, "JsonContentTypes"),
        ("CSV", CSV_TYPES, "CsvContentTypes"),
    ):
        if kind in (types.get(member) or names):
            try:
                return content.body.decode(), encoding
            except UnicodeDecodeError:
                break
    return base64.b64encode(content.body).decode(), "BASE64"


def capture(
    cloud: Cloud,
    endpoint: str,
    variant: str,
    role: str,
    config: Mapping[str, Any] | None,
    exchange: tuple[Content, Content],
    attributes: str = "",
) -> None:
    """Write what is captured of an invocation to S3 with the model's role, in the background.

    Parameters
    ----------
    cloud, endpoint, variant, role
        The local cloud, where the request went, and the execution role.
    config
        ``DataCaptureConfig``; None captures nothing.
    exchange
        What went in and came out.
    attributes
        As for `document`.
    """
    if not config or not config.get("EnableCapture"):
        return
    if random.uniform(0, 100) >= config["InitialSamplingPercentage"]:  # noqa: S311 - a sample, not a secret
        return
    now = cloud.clock.now()
    line = json.dumps(document(config, *exchange, now, attributes)) + "\n"
    place = f"{endpoint}/{variant}/{now:%Y/%m/%d/%H}/{now:%M-%S}-{now.microsecond // 1000:03}-{uuid.uuid4()}"
    uri = f"{config['DestinationS3Uri'].rstrip('/')}/{place}.jsonl"

    def write() -> None:
        bucket, key = storage.split(uri)
        key_id = config.get("KmsKeyId")
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id} if key_id else {}
        try:
            s3 = role_session(cloud, role, SERVICE, SESSION).client("s3")
            s3.put_object(Bucket=bucket, Key=key, Body=line.encode(), **encryption)
        except (ClientError, ServiceException, storage.StorageError) as error:
            log.warning("endpoint %s captured nothing: %s", endpoint, error)

    threading.Thread(target=write, name=f"capture {endpoint}", daemon=True).start()
