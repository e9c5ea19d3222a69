"""S3: who may reach a bucket beside IAM's policies: access control lists, blocks of public access, ownership.

Sources: S3 user guide, "Blocking public access to your Amazon S3 storage", "Controlling ownership of
objects"; S3 API reference, PutBucketAcl, PutObjectAcl.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import acls, public_access
from kennel.localcloud.policy.document import parse
from kennel.localcloud.policy.public import is_public
from kennel.localcloud.protocol.messages import AwsError, Response

CANNED = {
    "bucket": ("private", "public-read", "public-read-write", "authenticated-read", "log-delivery-write"),
    "object": (
        "private",
        "public-read",
        "public-read-write",
        "authenticated-read",
        "aws-exec-read",
        "bucket-owner-read",
        "bucket-owner-full-control",
    ),
}
PUBLIC = ("public-read", "public-read-write", "authenticated-read")
GROUPS = (acls.ALL_USERS, acls.AUTHENTICATED_USERS)
GRANTS = {
    "GrantRead": "READ",
    "GrantWrite": "WRITE",
    "GrantReadACP": "READ_ACP",
    "GrantWriteACP": "WRITE_ACP",
    "GrantFullControl": "FULL_CONTROL",
}
OWNERSHIPS = ("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter")
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKET_NAME = re.compile(r"(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
RESERVED_NAME = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|.*(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)")
CANONICAL_ID = re.compile(r"[0-9a-f]{64}")
GRANTEE = re.compile(r'\s*(id|uri|emailAddress)="?([^",]+)"?\s*', re.IGNORECASE)


@operation("s3", "PutBucketAcl")
def put_bucket_acl(call: Call) -> Response:
    """Set a bucket's list, if it has lists; the owner keeps every permission on it."""
    check_list(call, "bucket")
    return call.ask_moto()


@operation("s3", "PutObjectAcl")
def put_object_acl(call: Call) -> dict[str, Any]:
    """Set the list of a version; moto sets that of the latest, and gives it the bucket's for a document."""
    parameters = call.parameters
    if not _mentions_list(parameters):
        message = "Your request was missing a required header"
        raise AwsError("MissingSecurityHeader", message, 400)
    check_list(call, "object")
    record = named_version(call)
    canned = parameters.get("ACL")
    if canned:
        acls.set_canned(record, canned)
    else:
        acls.set_grants(record, list(_grants(parameters)))
    acls.notify(parameters["Bucket"], record)
    return {}


@operation("s3", "GetBucketAcl", "GetObjectAcl")
def get_acl(call: Call) -> dict[str, Any]:
    """Return a list; moto fails with one that grants nothing, and leaves out who the owner is."""
    parameters, backend = call.parameters, call.backend()
    bucket = backend.get_bucket(parameters["Bucket"])
    record = named_version(call) if call.operation == "GetObjectAcl" else bucket
    return {"Owner": acls.OWNER, "Grants": acls.grants(record)}


def named_version(call: Call) -> Any:
    """Return the version of an object that a request names.

    Raises
    ------
    AwsError
        ``NoSuchKey`` or ``NoSuchVersion``.
    """
    parameters = call.parameters
    version = parameters.get("VersionId")
    record = call.backend().get_object(parameters["Bucket"], parameters["Key"], version)
    if record is None:
        code = "NoSuchVersion" if version else "NoSuchKey"
        raise AwsError(code, "The specified key or version does not exist.", 404)
    return record


@operation("s3", "CreateBucket")
def create_bucket(call: Call) -> Response:
    """Make a bucket; a list cannot be combined with an ownership that has none."""
    parameters = call.parameters
    name, ownership = parameters["Bucket"], parameters.get("ObjectOwnership")
    if not BUCKET_NAME.fullmatch(name) or RESERVED_NAME.fullmatch(name):
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.", 400)
    _check_ownership(ownership)
    if ownership == acls.ENFORCED and _mentions_list(parameters):
        message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        raise AwsError("InvalidBucketAclWithObjectOwnership", message)
    check_list(call, "bucket")
    return call.ask_moto()


@operation("s3", "PutBucketOwnershipControls")
def put_ownership(call: Call) -> Response:
    """Set the ownership of a bucket's objects."""
    rules = (call.parameters.get("OwnershipControls") or {}).get("Rules") or []
    if len(rules) != 1:
        raise malformed_xml()
    ownership = rules[0].get("ObjectOwnership")
    _check_ownership(ownership)
    if ownership == acls.ENFORCED and acls.grants_to_others(call.parameters["Bucket"]):
        message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        raise AwsError("InvalidBucketAclWithObjectOwnership", message)
    return call.ask_moto()


@operation("s3", "PutBucketPolicy")
def put_bucket_policy(call: Call) -> Response:
    """Set a policy, unless it is public and the bucket or the account blocks those."""
    policy = parse(call.body.decode(), "bucket policy")
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    if any("NotPrincipal" in each.elements and each.effect == "Allow" for each in policy.statements):
        raise AwsError("MalformedPolicy", "Allow with NotPrincipal is not allowed.")
    blocked = public_access.blocks(call.parameters["Bucket"], "block_public_policy")
    if blocked and is_public(policy):
        raise AwsError("AccessDenied", "Access Denied: the bucket blocks public policies.", 403)
    response = call.ask_moto()
    return Response(204, response.headers, b"") if response.ok else response


def check_list(call: Call, kind: str) -> None:
    """Refuse an access control list that a request sets and the bucket does not allow, or that is none.

    Parameters
    ----------
    kind
        ``bucket`` or ``object``: whose list it is.

    Raises
    ------
    AwsError
        ``AccessControlListNotSupported``, ``AccessDenied`` or ``InvalidArgument``.
    """
    parameters = call.parameters
    if not _mentions_list(parameters):
        return
    bucket, canned = parameters["Bucket"], parameters.get("ACL")
    if canned and canned not in CANNED[kind]:
        raise AwsError("InvalidArgument", f"'{canned}' is no canned ACL of {kind}s.")
    if acls.ignores_lists(bucket) and canned != "bucket-owner-full-control":
        raise AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs")
    grantees = list(_grantees(parameters))
    if canned and grantees:
        message = "Specifying both Canned ACLs and Header Grants is not allowed"
        raise AwsError("InvalidRequest", message)
    for name, value in grantees:
        _check_grantee(name, value)
    public = canned in PUBLIC or any(value in GROUPS for _, value in grantees)
    if public and public_access.blocks(bucket, "block_public_acls"):
        raise AwsError("AccessDenied", "Access Denied: the bucket blocks public ACLs.", 403)


def prepare_list(call: Call) -> None:
    """Check the list of an object that a request writes; moto gives those without it their bucket's."""
    check_list(call, "object")
    if not _mentions_list(call.parameters):
        call.environ["HTTP_X_AMZ_ACL"] = "private"


def malformed_xml() -> AwsError:
    """Return the error for a body that is not as S3's schema says."""
    message = "The XML you provided was not well-formed or did not validate against our published schema"
    return AwsError("MalformedXML", message)


def _mentions_list(parameters: dict[str, Any]) -> bool:
    return any(parameters.get(name) for name in ("ACL", "AccessControlPolicy", *GRANTS))


def _grantees(parameters: dict[str, Any]) -> Any:
    """Yield the kind and the value of each grantee, of headers and of the body."""
    for kind, value, _ in _grants(parameters):
        yield kind, value


def _grants(parameters: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the kind and the value of each grantee, of headers and of the body, and the permission."""
    for name, permission in GRANTS.items():
        for text in filter(None, (parameters.get(name) or "").split(",")):
            match = GRANTEE.fullmatch(text)
            if match is None:
                raise AwsError("InvalidArgument", "Argument format not recognized")
            yield match[1].lower(), match[2], permission
    policy = parameters.get("AccessControlPolicy") or {}
    owner = (policy.get("Owner") or {}).get("ID")
    if owner and owner != acls.OWNER["ID"]:
        raise AwsError("AccessDenied", "Access Denied", 403)
    for grant in policy.get("Grants") or []:
        grantee = grant.get("Grantee") or {}
        permission = grant.get("Permission")
        if permission not in GRANTS.values():
            raise malformed_xml()
        for member, kind in (("ID", "id"), ("URI", "uri"), ("EmailAddress", "emailaddress")):
            if grantee.get(member):
                yield kind, grantee[member], permission


def _check_grantee(name: str, value: str) -> None:
    if name == "emailaddress":
        message = "The e-mail address you provided does not match any account on record."
        raise AwsError("UnresolvableGrantByEmailAddress", message)
    if name == "id" and not CANONICAL_ID.fullmatch(value):
        raise AwsError("InvalidArgument", "Invalid id")
    if name == "uri" and value not in (*GROUPS, acls.LOG_DELIVERY):
        raise AwsError("InvalidArgument", "Invalid group uri")


def _check_ownership(ownership: str | None) -> None:
    if ownership is not None and ownership not in OWNERSHIPS:
        raise AwsError("InvalidArgument", f"Invalid x-amz-object-ownership header: {ownership}")
