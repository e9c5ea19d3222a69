"""S3: what moto answers otherwise than S3."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from xml.sax.saxutils import escape

from kennel.localcloud.authorization.api_call import access_denied, check_permission
from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.authorization.s3 import bucket_permission
from kennel.localcloud.dispatch.audit_log import NoAudit
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.coverage import refusal, refuse
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.patches.s3_versions import any_version
from kennel.localcloud.protocol.messages import Response
from kennel.localcloud.services.s3_access import malformed_xml, named_version
from kennel.localcloud.services.s3_conditions import checksum_of
from kennel.localcloud.services.s3_customer_keys import check_read
from kennel.localcloud.services.s3_expiration import show_expiration
from kennel.localcloud.services.s3_uploads import listed_parts, read_part

refuse("s3", "BitTorrent is no more; use GetObject", "GetObjectTorrent")
refuse(
    "s3",
    "S3 Select is closed to new accounts since July 2024; get the object and filter it in your program",
    "SelectObjectContent",
)
SELECTION = refusal("s3", "restoring by a query", "restore the object and filter it", "NotImplemented", 501)
MOST_DELETED = 1000  # objects in one request


@operation("s3", "GetObject", "HeadObject")
def read_object(call: Call) -> Response:
    """Respond 403 instead of 404 to a caller who may not list the bucket, as S3 does."""
    key = check_read(call)
    more = read_part(call)
    _correct_headers(call)
    with any_version():
        response = call.ask_moto()
    if response.ok and more:
        names = {name for name, _ in more}
        response.headers[:] = [each for each in response.headers if each[0].lower() not in names] + more
    if key:
        key.show(response)
    show_expiration(call, response)
    if response.status == 404 and b"NoSuchBucket" not in response.body:
        listing = bucket_permission(call.request, "ListBucket")
        decision = check_permission(call.request, listing, Authorizer(NoAudit()))
        if not decision.allowed:
            raise access_denied(call.request, listing, decision)
    if response.status == 200 and call.parameters.get("ChecksumMode") == "ENABLED":
        _complete_checksum(call, response)
    return response


def _correct_headers(call: Call) -> None:
    """Leave a range that is none out, as S3 does, and write times in the one form that moto reads."""
    environ, parameters = call.environ, call.parameters
    if not environ.get("HTTP_RANGE", "").startswith("bytes="):
        environ.pop("HTTP_RANGE", None)
    for name in ("IfModifiedSince", "IfUnmodifiedSince"):
        if isinstance(parameters.get(name), datetime):
            header = f"HTTP_IF_{name[2:-5].upper()}_SINCE"
            moment = parameters[name]
            environ[header] = format_datetime(
                moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC), usegmt=True
            )


@operation("s3", "PutObjectTagging")
def put_object_tagging(call: Call) -> Response | dict[str, Any]:
    """Set an object's tags; a set without tags removes all, and moto cannot read it."""
    parameters = call.parameters
    if (parameters.get("Tagging") or {}).get("TagSet"):
        return call.ask_moto()
    call.backend().put_object_tagging(named_version(call), {})
    return {}


@operation("s3", "RestoreObject")
def restore_object(call: Call) -> Response:
    """Restore an archived object for some days; moto answers a query as if it ran."""
    if (call.parameters.get("RestoreRequest") or {}).get("Type") == "SELECT":
        raise SELECTION.error()
    return call.ask_moto()


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


@operation("s3", "DeleteObjects")
def delete_objects(call: Call) -> Response:
    """Delete up to 1000 objects; moto leaves out which version it could not delete."""
    objects = call.parameters["Delete"].get("Objects") or []
    if len(objects) > MOST_DELETED:
        raise malformed_xml()
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


@operation("s3", "GetObjectAttributes")
def get_object_attributes(call: Call) -> dict[str, Any]:
    """Return an object's attributes, with the checksum and the number of the parts of an upload in parts."""
    parameters = call.parameters
    record = named_version(call)
    check_read(call)
    attributes: dict[str, Any] = {
        "ETag": record.etag.strip('"'),
        "ObjectSize": record.size,
        "StorageClass": record.storage_class,
    }
    if record.checksum_algorithm and record.checksum_value:
        algorithm, value, kind = checksum_of(record)
        attributes["Checksum"] = {f"Checksum{algorithm}": value, "ChecksumType": kind}
    parts = listed_parts(record, parameters)
    if parts:
        attributes["ObjectParts"] = parts
    asked = set(parameters["ObjectAttributes"])
    answer = {name: value for name, value in attributes.items() if name in asked}
    if call.backend().get_bucket(parameters["Bucket"]).versioning_status:
        answer["VersionId"] = record.version_id
    return {**answer, "LastModified": record.last_modified}
