"""S3: the front decides access, so moto's own check is off; what cannot be listed is not missing either."""

from __future__ import annotations

from kennel.localcloud.authorization.authorizer import permitted
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response


@operation("s3", "GetObject", "HeadObject")
def read_object(call: Call) -> Response:
    """Answer 403 instead of 404 to a caller who may not list the bucket, as S3 does."""
    response = call.ask_moto()
    bucket = call.parameters["Bucket"]
    hidden = response.status == 404 and b"NoSuchBucket" not in response.body
    if hidden and not permitted(call.request, "s3:ListBucket", f"arn:aws:s3:::{bucket}", bucket):
        raise AwsError(
            "AccessDenied",
            f"User: {call.principal.arn} is not authorized to perform: s3:ListBucket on resource: "
            f'"arn:aws:s3:::{bucket}" because no identity-based policy allows the s3:ListBucket action',
            403,
        )
    return response
