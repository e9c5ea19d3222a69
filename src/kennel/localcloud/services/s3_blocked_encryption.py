"""S3: buckets block encryption with customers' keys (SSE-C), unless their encryption setting allows it.

Source: S3 user guide, "Blocking or unblocking SSE-C for a general purpose bucket": so do all new buckets
since April 2026.
"""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response

MEMBER, CUSTOMER_KEYS, ALLOWED = "BlockedEncryptionTypes", "SSE-C", "NONE"
DEFAULT = (
    "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>"
    "</ApplyServerSideEncryptionByDefault>"
)


def check_not_blocked(bucket: Any) -> None:
    """Refuse a write with a customer's key to a bucket that blocks it; reads go on.

    Parameters
    ----------
    bucket
        moto's record of it.

    Raises
    ------
    AwsError
        ``AccessDenied``.
    """
    if ALLOWED not in blocked_by(bucket):
        raise AwsError(
            "AccessDenied",
            "Access Denied: the bucket blocks server-side encryption with customer-provided keys (SSE-C), as "
            "all new ones do; PutBucketEncryption with BlockedEncryptionTypes NONE allows it.",
            403,
        )


def blocked_by(bucket: Any) -> list[str]:
    """Return what a bucket's encryption setting says it blocks; empty if it says nothing."""
    rule = (bucket.encryption or {}).get("Rule") or {}
    types = (rule.get(MEMBER) or {}).get("EncryptionType") or []
    return [types] if isinstance(types, str) else list(types)


@operation("s3", "PutBucketEncryption")
def put_bucket_encryption(call: Call) -> Response:
    """Set a bucket's encryption; S3's own keys are the default where only what is blocked is named."""
    rules = (call.parameters.get("ServerSideEncryptionConfiguration") or {}).get("Rules") or []
    for rule in rules:
        types = (rule.get(MEMBER) or {}).get("EncryptionType") or []
        for kind in types:
            if kind not in (CUSTOMER_KEYS, ALLOWED):
                raise AwsError("MalformedXML", f"There is no encryption type {kind} to block.", 400)
    if len(rules) == 1 and rules[0].get(MEMBER) and not rules[0].get("ApplyServerSideEncryptionByDefault"):
        begin = f"<{MEMBER}>".encode()
        return call.ask_moto(call.body.replace(begin, DEFAULT.encode() + begin, 1))
    return call.ask_moto()


@operation("s3", "GetBucketEncryption")
def get_bucket_encryption(call: Call) -> Response:
    """Return a bucket's encryption, with what it is set to block, which moto leaves out."""
    response = call.ask_moto()
    if not response.ok:
        return response
    types = "".join(
        f"<EncryptionType>{kind}</EncryptionType>"
        for kind in blocked_by(call.backend().get_bucket(call.parameters["Bucket"]))
    )
    if not types:
        return response
    end = b"</Rule>"
    body = response.body.replace(end, f"<{MEMBER}>{types}</{MEMBER}>".encode() + end, 1)
    return Response(response.status, response.headers, body)
