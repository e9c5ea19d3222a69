"""S3: what moto answers otherwise than S3."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from kennel.localcloud.authorization.api_call import access_denied, check_permission
from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.authorization.s3 import bucket_permission
from kennel.localcloud.dispatch.audit_log import NoAudit
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.s3_access import malformed_xml
from kennel.localcloud.services.s3_conditions import checksum_of, refuse_customer_keys

MOST_DELETED = 1000  # objects in one request


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
    if response.status == 200 and call.parameters.get("ChecksumMode") == "ENABLED":
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
