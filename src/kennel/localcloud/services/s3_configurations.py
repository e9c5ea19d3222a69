"""S3: configurations of buckets that moto does not know, and operations that it takes for others.

moto tells S3's operations apart by the query of their address, and takes one that it does not know for the
plain one of that path: to delete a bucket's metrics would delete the bucket, to rename an object empty it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.coverage import refusal, refuse
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.bucket_configurations import configurations_of
from kennel.localcloud.protocol.messages import AwsError

KINDS = ("Analytics", "IntelligentTiering", "Inventory", "Metrics")  # none of them has an effect on objects
PAYER = "RequestPayment"
IN_A_PAGE = 100

refuse(
    "s3",
    "directory buckets do not exist here; use a bucket of general purpose",
    "CreateSession",
    "ListDirectoryBuckets",
    "RenameObject",
)
refuse(
    "s3",
    "no table of S3 Metadata is written here; list the objects, or head them",
    "CreateBucketMetadataConfiguration",
    "CreateBucketMetadataTableConfiguration",
    "DeleteBucketMetadataConfiguration",
    "DeleteBucketMetadataTableConfiguration",
    "GetBucketMetadataConfiguration",
    "GetBucketMetadataTableConfiguration",
    "UpdateBucketMetadataAnnotationTableConfiguration",
    "UpdateBucketMetadataInventoryTableConfiguration",
    "UpdateBucketMetadataJournalTableConfiguration",
)
refuse(
    "s3",
    "use tags or metadata of the object",
    "DeleteObjectAnnotation",
    "GetObjectAnnotation",
    "ListObjectAnnotations",
    "PutObjectAnnotation",
)
ABAC = refusal(
    "s3", "conditions on tags of buckets (`PutBucketAbac`)", "name the buckets", "NotImplemented", 501
)
refuse("s3", "copy the object onto itself with another key", "UpdateObjectEncryption")


def _kept(call: Call, kind: str) -> dict[str, Any]:
    return configurations_of(call.backend().get_bucket(call.parameters["Bucket"]), kind)


def _put(kind: str, call: Call) -> dict[str, Any]:
    configuration = call.parameters[f"{kind}Configuration"]
    if configuration["Id"] != call.parameters["Id"]:
        message = "The configuration's Id must be the id of the request's address"
        raise AwsError("InvalidArgument", message, 400)
    _kept(call, kind)[configuration["Id"]] = configuration
    return {}


def _get(kind: str, call: Call) -> dict[str, Any]:
    return {f"{kind}Configuration": _existing(call, _kept(call, kind))}


def _delete(kind: str, call: Call) -> dict[str, Any]:
    kept = _kept(call, kind)
    _existing(call, kept)
    del kept[call.parameters["Id"]]
    return {}


def _list(kind: str, call: Call) -> dict[str, Any]:
    kept = _kept(call, kind)
    after = call.parameters.get("ContinuationToken", "")
    names = sorted(name for name in kept if name > after)
    page = names[:IN_A_PAGE]
    response = {
        f"{kind}ConfigurationList": [kept[name] for name in page],
        "IsTruncated": len(names) > len(page),
    }
    if after:
        response["ContinuationToken"] = after
    if response["IsTruncated"]:
        response["NextContinuationToken"] = page[-1]
    return response


def _existing(call: Call, kept: dict[str, Any]) -> Any:
    configuration = kept.get(call.parameters["Id"])
    if configuration is None:
        raise AwsError("NoSuchConfiguration", "The specified configuration does not exist.", 404)
    return configuration


for each in KINDS:
    operation("s3", f"PutBucket{each}Configuration")(partial(_put, each))
    operation("s3", f"GetBucket{each}Configuration")(partial(_get, each))
    operation("s3", f"DeleteBucket{each}Configuration")(partial(_delete, each))
    operation("s3", f"ListBucket{each}Configurations")(partial(_list, each))


@operation("s3", "GetBucketRequestPayment")
def get_bucket_request_payment(call: Call) -> dict[str, Any]:
    """Return who pays for requests; moto lists the bucket's objects instead."""
    return {"Payer": _kept(call, PAYER).get("Payer", "BucketOwner")}


@operation("s3", "PutBucketRequestPayment")
def put_bucket_request_payment(call: Call) -> dict[str, Any]:
    """Keep who pays for requests: in one account it changes nothing. moto would create the bucket anew."""
    _kept(call, PAYER)["Payer"] = call.parameters["RequestPaymentConfiguration"]["Payer"]
    return {}


@operation("s3", "GetBucketAbac")
def get_bucket_abac(call: Call) -> dict[str, Any]:
    """Return that no condition on a bucket's tags counts; moto lists the bucket's objects instead."""
    call.backend().get_bucket(call.parameters["Bucket"])
    return {"AbacStatus": {"Status": "Disabled"}}


@operation("s3", "PutBucketAbac")
def put_bucket_abac(call: Call) -> dict[str, Any]:
    """Take that no condition on a bucket's tags is to count; refuse the contrary."""
    call.backend().get_bucket(call.parameters["Bucket"])
    if call.parameters["AbacStatus"].get("Status") == "Enabled":
        raise ABAC.error("conditions on tags of buckets")
    return {}
