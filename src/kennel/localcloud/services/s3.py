"""S3: a missing object is denied to callers who may not list its bucket."""

from __future__ import annotations

from kennel.localcloud.authorization.api_call import access_denied, check_permission
from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.authorization.s3 import bucket_permission
from kennel.localcloud.dispatch.audit_log import NoAudit
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import Response


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
