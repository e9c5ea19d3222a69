"""S3: what moto answers otherwise than S3."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

from kennel.localcloud.authorization.api_call import access_denied, check_permission
from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.authorization.s3 import bucket_permission
from kennel.localcloud.dispatch.audit_log import NoAudit
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.s3_conditions import checksum_of, refuse_customer_keys

MAX_KEYS = 1000  # in one response, unless the request says less


@operation("s3", "GetObject", "HeadObject")
def read_object(call: Call) -> Response:
    """Respond 403 instead of 404 to a caller who may not list the bucket, as S3 does."""
    refuse_customer_keys(call)
    response = call.ask_moto()
    if response.status == 404 and b"NoSuchBucket" not in response.body:
        listing = bucket_permission(call.request, "ListBucket")
        decision = check_permission(call.request, listing, Authorizer(NoAudit()))
        if not decision.allowed:
            raise access_denied(call.request, listing, decision)
    if call.operation == "HeadObject" and response.ok and call.parameters.get("ChecksumMode") == "ENABLED":
        _complete_checksum(call, response)
    return response


def _complete_checksum(call: Call, response: Response) -> None:
    """Add what moto leaves out of the checksum of an upload in parts: their number, and its type."""
    parameters = call.parameters
    record = call.backend().get_object(parameters["Bucket"], parameters["Key"], parameters.get("VersionId"))
    if record is None or not record.checksum_algorithm or not record.checksum_value:
        return
    algorithm, value, kind = checksum_of(record)
    ours = {f"x-amz-checksum-{algorithm.lower()}": value, "x-amz-checksum-type": kind}
    kept = [(name, text) for name, text in response.headers if name.lower() not in ours]
    response.headers[:] = [*kept, *ours.items()]


@operation("s3", "GetBucketRequestPayment")
def get_bucket_request_payment(call: Call) -> dict[str, Any]:
    """Return S3's default; moto lists the bucket's objects instead."""
    call.backend().get_bucket(call.parameters["Bucket"])
    return {"Payer": "BucketOwner"}


@operation("s3", "ListObjects", "ListObjectsV2")
def list_objects(call: Call) -> Response:
    """List objects, with what the request said of where to begin, which moto leaves out."""
    parameters = call.parameters
    members = {"Marker": parameters.get("Marker", "")} if call.operation == "ListObjects" else {}
    if "ContinuationToken" in parameters:
        members["ContinuationToken"] = parameters["ContinuationToken"]
        if "StartAfter" in parameters:
            members["StartAfter"] = parameters["StartAfter"]
    if parameters.get("FetchOwner") is False:  # moto takes any text for true
        query = call.environ["QUERY_STRING"].replace("fetch-owner=false", "")
        call.environ["QUERY_STRING"] = query
    response = call.ask_moto()
    if not response.ok or not members:
        return response
    text = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in members.items())
    body = response.body.replace(b"<IsTruncated>", text.encode() + b"<IsTruncated>", 1)
    return Response(response.status, response.headers, body)


@operation("s3", "DeleteObjects")
def delete_objects(call: Call) -> Response:
    """Delete up to 1000 objects; moto leaves out which version it could not delete."""
    objects = call.parameters["Delete"].get("Objects") or []
    if len(objects) > MAX_KEYS:
        message = "The XML you provided was not well-formed or did not validate against our published schema"
        raise AwsError("MalformedXML", message, 400)
    response = call.ask_moto()
    versions = [each for each in objects if each.get("VersionId")]
    if not response.ok or b"<Error>" not in response.body or not versions:
        return response
    body = response.body
    for each in versions:
        key = f"<Error><Key>{escape(each['Key'])}</Key>".encode()
        version = f"<VersionId>{escape(each['VersionId'])}</VersionId>".encode()
        if body.count(key) == 1:
            body = body.replace(key, key + version)
    return Response(response.status, response.headers, body)


@operation("s3", "GetObjectRetention")
def get_object_retention(call: Call) -> dict[str, Any]:
    """Return an object's retention; moto fails where the bucket's default made it."""
    parameters = call.parameters
    record = call.backend().get_object(parameters["Bucket"], parameters["Key"], parameters.get("VersionId"))
    if record is None:
        raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
    if not call.backend().get_bucket(parameters["Bucket"]).object_lock_enabled:
        raise AwsError("InvalidRequest", "Bucket is missing Object Lock Configuration", 400)
    if not record.lock_mode:
        message = "The specified object does not have a ObjectLock configuration"
        raise AwsError("NoSuchObjectLockConfiguration", message, 404)
    return {"Retention": {"Mode": record.lock_mode, "RetainUntilDate": record.lock_until}}


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
