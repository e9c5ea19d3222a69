"""Users' boundaries, session policies and tags, grants of keys, an organization's policies, simulations."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, TRUSTS_ACCOUNT, Client, assume, document, statement

Role = Callable[..., dict[str, str]]
names = (f"policy-types-{number}" for number in itertools.count())
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
TRUSTS_TAGS = document({"Effect": "Allow", "Principal": ROOT, "Action": ["sts:AssumeRole", "sts:TagSession"]})


def denied(call: Callable[..., Any], **parameters: Any) -> str:
    """Return the message of a call that is denied; empty if it is allowed."""
    try:
        call(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("AccessDenied", "AccessDeniedException"):
            raise
        return str(error.response["Error"]["Message"])
    return ""


def managed_policy(client: Client, *statements: dict[str, Any]) -> str:
    policy = client("iam").create_policy(PolicyName=next(names), PolicyDocument=document(*statements))
    return str(policy["Policy"]["Arn"])


def test_a_user_s_boundary_limits_its_policies(client: Client) -> None:
    iam, name = client("iam"), next(names)
    boundary = managed_policy(client, statement("s3:*", "*"))
    user = iam.create_user(UserName=name, PermissionsBoundary=boundary)["User"]
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=document(statement("*", "*")))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    credentials = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    assert not denied(client("s3", credentials).list_buckets)
    assert "no permissions boundary" in denied(client("sqs", credentials).list_queues)
    iam.put_user_permissions_boundary(
        UserName=name, PermissionsBoundary=managed_policy(client, statement("sqs:*", "*"))
    )
    assert denied(client("s3", credentials).list_buckets)
    assert not denied(client("sqs", credentials).list_queues)
    assert "PermissionsBoundary" in iam.get_user(UserName=name)["User"]
    iam.delete_user_permissions_boundary(UserName=name)
    assert not denied(client("s3", credentials).list_buckets)
    assert "PermissionsBoundary" not in iam.get_user(UserName=name)["User"]
    with pytest.raises(ClientError, match="does not exist or is not attachable"):
        iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=f"{boundary}-missing")


def test_managed_policies_limit_a_session_together_with_its_own(client: Client, role: Role) -> None:
    name = next(names)
    role(name, statement("*", "*"))
    buckets = managed_policy(client, statement("s3:*", "*"))
    credentials = assume(
        client, name, PolicyArns=[{"arn": buckets}], Policy=document(statement("sqs:*", "*"))
    )
    assert not denied(client("s3", credentials).list_buckets)
    assert not denied(client("sqs", credentials).list_queues)
    assert "no session policy" in denied(client("sagemaker", credentials).list_models)
    with pytest.raises(ClientError, match="does not exist"):
        assume(client, name, PolicyArns=[{"arn": f"{buckets}-missing"}])


def test_session_tags_need_a_permission_and_are_in_the_context(client: Client, role: Role) -> None:
    name, tags = next(names), [{"Key": "team", "Value": "vision"}]
    condition = {"StringEquals": {"aws:PrincipalTag/team": "vision"}}
    role(
        name, statement("s3:ListAllMyBuckets", "*", Condition=condition), Tags=[{"Key": "team", "Value": "x"}]
    )
    assert denied(client("s3", assume(client, name)).list_buckets)
    assert "sts:TagSession" in denied(assume, client=client, name=name, Tags=tags)
    client("iam").update_assume_role_policy(RoleName=name, PolicyDocument=TRUSTS_TAGS)
    assert not denied(client("s3", assume(client, name, Tags=tags)).list_buckets)


def test_transitive_tags_reach_the_next_session(client: Client, role: Role) -> None:
    first, second = next(names), next(names)
    for name in (first, second):
        role(name, statement(["sts:AssumeRole", "s3:ListAllMyBuckets"], "*"))
    condition = {
        "StringEquals": {"aws:PrincipalTag/team": "vision"},
        "Null": {"aws:PrincipalTag/cost": "true"},
    }
    inline = document(statement("s3:ListAllMyBuckets", "*", Condition=condition))
    client("iam").put_role_policy(RoleName=second, PolicyName="inline", PolicyDocument=inline)
    client("iam").update_assume_role_policy(RoleName=first, PolicyDocument=TRUSTS_TAGS)
    tags = [{"Key": "team", "Value": "vision"}, {"Key": "cost", "Value": "9"}]
    credentials = assume(client, first, Tags=tags, TransitiveTagKeys=["team"])
    sts = client("sts", credentials)
    session = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{second}", RoleSessionName="chained")
    chained = {
        "aws_access_key_id": session["Credentials"]["AccessKeyId"],
        "aws_secret_access_key": session["Credentials"]["SecretAccessKey"],
        "aws_session_token": session["Credentials"]["SessionToken"],
    }
    assert not denied(client("s3", chained).list_buckets)
    assert denied(client("s3", assume(client, second)).list_buckets)


def test_a_grant_allows_its_operations_in_its_encryption_context(client: Client, role: Role) -> None:
    kms, name = client("kms"), next(names)
    credentials = role(name)
    policy = document(
        {"Effect": "Allow", "Principal": {"AWS": f"{ROOT['AWS']}"}, "Action": "kms:*", "Resource": "*"}
    )
    key = kms.create_key(Policy=policy)["KeyMetadata"]["KeyId"]
    own = client("kms", credentials)
    context = {"department": "dogs"}
    assert denied(own.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext=context)
    grant = kms.create_grant(
        KeyId=key,
        GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:role/{name}",
        Operations=["Encrypt"],
        Constraints={"EncryptionContextEquals": context},
    )
    sealed = own.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)["CiphertextBlob"]
    assert denied(own.encrypt, KeyId=key, Plaintext=b"x")
    assert denied(own.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={**context, "more": "1"})
    assert denied(own.decrypt, CiphertextBlob=sealed, EncryptionContext=context)
    kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    assert denied(own.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext=context)


@pytest.fixture
def organization(client: Client) -> Iterator[Any]:
    organizations = client("organizations")
    organizations.create_organization()
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    yield organizations
    organizations.disable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    organizations.delete_organization()


def test_the_organization_s_policies_bind_the_account(client: Client, role: Role, organization: Any) -> None:
    credentials = role(next(names), statement("*", "*"))
    assert not denied(client("sqs", credentials).list_queues)
    content = document(statement("sqs:*", "*", "Deny"))
    policy = organization.create_policy(
        Content=content, Description="no queues", Name="no-queues", Type="SERVICE_CONTROL_POLICY"
    )["Policy"]["PolicySummary"]["Id"]
    organization.attach_policy(PolicyId=policy, TargetId=ACCOUNT)
    try:
        assert "explicit deny in a service control policy" in denied(client("sqs", credentials).list_queues)
        assert not denied(client("s3", credentials).list_buckets)
        client("sqs").list_queues()  # the operator stands for the management account
    finally:
        organization.detach_policy(PolicyId=policy, TargetId=ACCOUNT)
        organization.delete_policy(PolicyId=policy)
    assert not denied(client("sqs", credentials).list_queues)


@pytest.mark.parametrize(
    ("api", "operation", "parameters", "message"),
    [
        (
            "iam",
            "create_policy",
            {"PolicyName": "x", "PolicyDocument": document(statement("s3:*", "arn:aws:s*:::x"))},
            "MalformedPolicyDocument",
        ),
        (
            "iam",
            "create_role",
            {"RoleName": "x", "AssumeRolePolicyDocument": document(statement("sts:AssumeRole", "*"))},
            "MalformedPolicyDocument",
        ),
        ("s3", "put_bucket_policy", {"Bucket": "policy-types", "Policy": "{}"}, "MalformedPolicy"),
        (
            "kms",
            "create_key",
            {"Policy": document(statement("kms:*", "*"))},
            "MalformedPolicyDocumentException",
        ),
        ("sqs", "create_queue", {"QueueName": "x", "Attributes": {"Policy": "x"}}, "InvalidAttributeValue"),
        ("sns", "create_topic", {"Name": "x", "Attributes": {"Policy": "x"}}, "Policy Error"),
    ],
)
def test_a_policy_that_aws_refuses_is_refused(
    client: Client, api: str, operation: str, parameters: dict[str, Any], message: str
) -> None:
    if api == "s3":
        client("s3").create_bucket(Bucket="policy-types")
    with pytest.raises(ClientError, match=message):
        getattr(client(api), operation)(**parameters)


def test_a_simulation_names_the_statements_that_decide(client: Client) -> None:
    name = next(names)
    boundary = managed_policy(client, statement("s3:*", "*"))
    client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=TRUSTS_ACCOUNT, PermissionsBoundary=boundary
    )
    team = {"StringEquals": {"aws:RequestTag/team": "x"}}
    inline = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                statement(["s3:GetObject", "sqs:*"], "*"),
                statement("s3:GetObject", "arn:aws:s3:::secret/*", "Deny"),
                statement("sqs:TagQueue", "*", Condition=team),
            ],
        },
        indent=1,
    )
    client("iam").put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=inline)
    results = client("iam").simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/{name}",
        ActionNames=["s3:GetObject", "sqs:SendMessage"],
        ResourceArns=["arn:aws:s3:::open/a", "arn:aws:s3:::secret/a"],
        PolicyInputList=[document(statement("s3:GetObject", "arn:aws:s3:::open/*"))],
    )["EvaluationResults"]
    decisions = [result["EvalDecision"] for result in results]
    assert decisions == ["allowed", "explicitDeny", "implicitDeny", "implicitDeny"]
    sources = [
        [(match["SourcePolicyId"], match["SourcePolicyType"]) for match in result["MatchedStatements"]]
        for result in results
    ]
    assert sources == [[("own", "role"), ("PolicyInputList.1", "none")], [("own", "role")], [], []]
    start = results[1]["MatchedStatements"][0]["StartPosition"]
    assert inline.splitlines()[start["Line"] - 1][start["Column"] - 1 :] == "{"
    assert results[0]["MissingContextValues"] == ["aws:RequestTag/team"]
    assert [result["PermissionsBoundaryDecisionDetail"] for result in results[1:3]] == [
        {"AllowedByPermissionsBoundary": True},
        {"AllowedByPermissionsBoundary": False},
    ]
    with pytest.raises(ClientError, match="InvalidInput"):
        client("iam").simulate_custom_policy(PolicyInputList=["{}"], ActionNames=["s3:GetObject"])
