"""What the audit reads of an account, with calls that change nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

Clients = Callable[[str], Any]
Answer = TypeVar("Answer")
SERVICE_LINKED = "/aws-service-role/"  # AWS's own, which nobody can change


@dataclass(frozen=True)
class Key:
    """An access key of a user."""

    id: str
    created: datetime
    active: bool


@dataclass
class Identity:
    """A role or a user with the policies that it has, also through groups.

    Attributes
    ----------
    documents
        Policy documents by name.
    attached
        ARNs of AWS's own policies.
    trust
        Of a role: who may assume it.
    password
        Whether a user can sign in to the console.
    """

    kind: str
    name: str
    arn: str
    created: datetime
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    attached: list[str] = field(default_factory=list)
    trust: dict[str, Any] | None = None
    boundary: bool = False
    keys: list[Key] = field(default_factory=list)
    password: bool = False
    mfa: bool = False


@dataclass(frozen=True)
class Resource:
    """A bucket or function: its policy, and how else everybody may reach it."""

    name: str
    policy: dict[str, Any] | None = None
    open_by: str = ""  # an ACL, a URL; empty if neither lets everybody in
    closed: bool = False  # whatever its policy says: public access is blocked


@dataclass
class Account:
    """What was read.

    Attributes
    ----------
    unknown
        What could not be read, with the reason.
    """

    id: str
    identities: list[Identity] = field(default_factory=list)
    buckets: list[Resource] = field(default_factory=list)
    functions: list[Resource] = field(default_factory=list)
    root_key: bool = False
    unknown: dict[str, str] = field(default_factory=dict)

    def ask(self, what: str, question: Callable[[], Answer]) -> Answer | None:
        """Return the answer to a question, or None if it is not given, which is noted once."""
        from botocore.exceptions import ClientError, EndpointConnectionError

        try:
            return question()
        except ClientError as error:
            self.unknown.setdefault(what, f"{error.response['Error']['Code']}: {error}"[:300])
        except EndpointConnectionError as error:
            self.unknown.setdefault(what, str(error))
        return None


def read(clients: Clients, progress: Callable[[str], None]) -> Account:
    """Return what there is in an account, as far as the caller may read it.

    Parameters
    ----------
    clients
        Returns boto3's client of a service.
    """
    account = Account(clients("sts").get_caller_identity()["Account"])
    progress("roles and users")
    iam = clients("iam")
    account.identities = list(_identities(iam))  # without them there is no audit
    for identity in account.identities:
        if identity.kind == "user":
            _read_user(account, iam, identity)
    summary = account.ask("the root user", lambda: iam.get_account_summary()["SummaryMap"]) or {}
    account.root_key = bool(summary.get("AccountAccessKeysPresent"))
    progress("buckets")
    s3, control = clients("s3"), clients("s3control")
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html: the
    # strictest of the account's and the bucket's settings counts.
    whole = _blocked(account, lambda: control.get_public_access_block(AccountId=account.id))
    buckets = account.ask("buckets", lambda: s3.list_buckets()["Buckets"]) or []
    account.buckets = [_bucket(account, s3, bucket["Name"], whole) for bucket in buckets]
    progress("functions")
    functions = clients("lambda")
    names = account.ask("functions", lambda: list(_functions(functions))) or []
    account.functions = [_function(account, functions, name) for name in names]
    return account


def _identities(iam: Any) -> Iterator[Identity]:
    kinds = ["User", "Role", "Group", "LocalManagedPolicy"]
    pages = list(iam.get_paginator("get_account_authorization_details").paginate(Filter=kinds))
    managed = {
        policy["Arn"]: version["Document"]
        for page in pages
        for policy in page["Policies"]
        for version in policy["PolicyVersionList"]
        if version["IsDefaultVersion"]
    }
    groups = {group["GroupName"]: group for page in pages for group in page["GroupDetailList"]}
    for page in pages:
        for role in page["RoleDetailList"]:
            if not role["Path"].startswith(SERVICE_LINKED):
                identity = Identity("role", role["RoleName"], role["Arn"], role["CreateDate"])
                identity.trust = _document(role["AssumeRolePolicyDocument"])
                identity.boundary = bool(role.get("PermissionsBoundary"))
                _take(iam, identity, role, "RolePolicyList", managed)
                yield identity
        for user in page["UserDetailList"]:
            identity = Identity("user", user["UserName"], user["Arn"], user["CreateDate"])
            identity.boundary = bool(user.get("PermissionsBoundary"))
            _take(iam, identity, user, "UserPolicyList", managed)
            for name in user.get("GroupList", []):
                _take(iam, identity, groups[name], "GroupPolicyList", managed)
            yield identity


def _take(iam: Any, identity: Identity, holder: dict[str, Any], inline: str, managed: dict[str, Any]) -> None:
    """Add the policies of a role, user or group to those of an identity."""
    for policy in holder.get(inline, []):
        identity.documents[policy["PolicyName"]] = _document(policy["PolicyDocument"])
    for policy in holder.get("AttachedManagedPolicies", []):
        arn = policy["PolicyArn"]
        if arn not in managed:  # one of AWS's own
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            shown = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
            managed[arn] = shown["Document"]
        if arn.split(":")[4] == "aws":
            identity.attached.append(arn)
        identity.documents[arn] = _document(managed[arn])


def _document(document: Any) -> dict[str, Any]:
    return json.loads(document) if isinstance(document, str) else document


def _read_user(account: Account, iam: Any, user: Identity) -> None:
    described = account.ask("users", lambda: iam.get_user(UserName=user.name)["User"]) or {}
    user.boundary |= bool(described.get("PermissionsBoundary"))
    keys = account.ask("access keys", lambda: iam.list_access_keys(UserName=user.name)["AccessKeyMetadata"])
    user.keys = [Key(key["AccessKeyId"], key["CreateDate"], key["Status"] == "Active") for key in keys or []]
    user.password = _there(account, "passwords", lambda: iam.get_login_profile(UserName=user.name))
    devices = account.ask("MFA devices", lambda: iam.list_mfa_devices(UserName=user.name)["MFADevices"])
    user.mfa = bool(devices)


def _there(account: Account, what: str, question: Callable[[], Any]) -> bool:
    """Return whether something exists: that it does not is an answer too."""
    from botocore.exceptions import ClientError

    absent = {"NoSuchEntity", "NoSuchBucketPolicy", "NoSuchPublicAccessBlockConfiguration"}
    absent.add("ResourceNotFoundException")

    def answer() -> Any:
        try:
            return question() or True
        except ClientError as error:
            if error.response["Error"]["Code"] in absent:
                return False
            raise

    return account.ask(what, answer) or False


def _blocked(account: Account, question: Callable[[], dict[str, Any]]) -> set[str]:
    """Return the settings of a public access block that are on."""
    block = _there(account, "public access blocks", lambda: question()["PublicAccessBlockConfiguration"])
    return {name for name, on in block.items() if on} if isinstance(block, dict) else set()


def _bucket(account: Account, s3: Any, name: str, whole: set[str]) -> Resource:
    settings = whole | _blocked(account, lambda: s3.get_public_access_block(Bucket=name))
    policy = _there(account, "bucket policies", lambda: s3.get_bucket_policy(Bucket=name)["Policy"])
    acl = account.ask("bucket ACLs", lambda: s3.get_bucket_acl(Bucket=name)["Grants"]) or []
    groups = [
        grant
        for grant in acl
        if grant["Grantee"].get("URI", "").endswith(("/AllUsers", "/AuthenticatedUsers"))
    ]
    public_acl = bool(groups) and "IgnorePublicAcls" not in settings
    return Resource(
        name,
        _document(policy) if policy else None,
        "its ACL" if public_acl else "",
        "RestrictPublicBuckets" in settings,
    )


def _functions(client: Any) -> Iterator[str]:
    for page in client.get_paginator("list_functions").paginate():
        yield from (function["FunctionName"] for function in page["Functions"])


def _function(account: Account, client: Any, name: str) -> Resource:
    policy = _there(account, "function policies", lambda: client.get_policy(FunctionName=name)["Policy"])
    urls = account.ask(
        "function URLs",
        lambda: client.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"],
    )
    open_urls = [url for url in urls or [] if url["AuthType"] == "NONE"]
    return Resource(name, _document(policy) if policy else None, "its URL" if open_urls else "")
