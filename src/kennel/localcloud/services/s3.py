"""S3: what moto answers otherwise than S3."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

from kennel.localcloud.authorization.api_call import access_denied, check_permission
from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.authorization.s3 import bucket_permission
from kennel.localcloud.dispatch.audit_log import NoAudit
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import Response

MAX_KEYS = 1000  # in one response, unless the request says less


@operation("s3", "GetObject", "HeadObject")
def read_object(call: Call) -> Response:
    """Respond 403 instead of 404 to a caller who may not list the bucket, as S3 does."""
    response = call.ask_moto()
    if response.status == 404 and b"NoSuchBucket" not in response.body:
        listing = bucket_permission(call.request, "ListBucket")
        decision = check_permission(call.request, listing, Authorizer(NoAudit()))
        if not decision.allowed:
            raise access_denied(call.request, listing, decision)
    return response


@operation("s3", "GetBucketRequestPayment")
def get_bucket_request_payment(call: Call) -> dict[str, Any]:
    """Return S3's default; moto lists the bucket's objects instead."""
    call.backend().get_bucket(call.parameters["Bucket"])
    return {"Payer": "BucketOwner"}


@operation("s3", "ListObjectVersions")
def list_object_versions(call: Call) -> dict[str, Any]:
    """List versions with their keys encoded if the request says so; moto ignores ``encoding-type``.

    SDKs and Terraform decode the keys, so that those with ``%`` would be others, or none.
    """
    parameters = call.parameters
    encoding = parameters.get("EncodingType")
    count = parameters.get("MaxKeys", MAX_KEYS)
    versions, prefixes, markers, next_key, next_version = call.backend().list_object_versions(
        parameters["Bucket"],
        delimiter=parameters.get("Delimiter"),
        key_marker=parameters.get("KeyMarker"),
        max_keys=count,
        prefix=parameters.get("Prefix", ""),
        version_id_marker=parameters.get("VersionIdMarker"),
    )

    def encoded(text: str) -> str:
        return quote_plus(text, safe="/") if encoding == "url" else text

    response = {
        "Name": parameters["Bucket"],
        "Prefix": encoded(parameters.get("Prefix", "")),
        "KeyMarker": encoded(parameters.get("KeyMarker", "")),
        "VersionIdMarker": parameters.get("VersionIdMarker", ""),
        "MaxKeys": count,
        "IsTruncated": next_key is not None,
        "Versions": [
            {
                "ETag": version.etag,
                "Size": version.size,
                "StorageClass": version.storage_class,
                **_version(version, encoded(version.name)),
            }
            for version in versions
        ],
        "DeleteMarkers": [_version(marker, encoded(marker.name)) for marker in markers],
        "CommonPrefixes": [{"Prefix": encoded(prefix)} for prefix in prefixes or []],
    }
    if encoding:
        response["EncodingType"] = encoding
    if "Delimiter" in parameters:
        response["Delimiter"] = encoded(parameters["Delimiter"])
    if next_key is not None:
        response |= {"NextKeyMarker": encoded(next_key), "NextVersionIdMarker": next_version}
    return response


def _version(record: Any, key: str) -> dict[str, Any]:
    """Return what versions and delete markers have in common."""
    return {
        "Key": key,
        "VersionId": "null" if record.version_id is None else record.version_id,
        "IsLatest": getattr(record, "is_latest", False),
        "LastModified": record.last_modified,
    }
