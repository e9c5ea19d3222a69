"""The authorizer: each check is decided and reported, and a call's checks end with the first denial."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from kennel.localcloud import redecision
from kennel.localcloud.authorization.api_call import authorize
from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.authorization.identify import OPERATOR
from kennel.localcloud.dispatch.audit_log import AuditLog, CallAudit, ImmediateAudit, NoAudit
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.policy.document import parse
from kennel.localcloud.policy.evaluate import PrincipalPolicies, ResourcePolicy
from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.protocol.messages import AwsError

ACCOUNT = "123456789012"
WORKER = Principal(
    "role",
    f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/session",
    account=ACCOUNT,
    name="worker",
    role_arn=f"arn:aws:iam::{ACCOUNT}:role/worker",
    unique_id="AROAWORKER:session",
)


@pytest.fixture(autouse=True)
def _empty_account() -> Iterator[None]:
    with mock_aws():
        yield


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    log = AuditLog(tmp_path / "audit-log.jsonl")
    yield log
    log.close()


def policies(*statements: dict[str, Any]) -> PrincipalPolicies:
    return PrincipalPolicies([parse(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))])


def grant_to_worker(*statements: dict[str, Any]) -> None:
    """Create the worker's role, with an inline policy of these statements."""
    import boto3

    iam = boto3.client("iam", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_role_policy(RoleName="worker", PolicyName="inline", PolicyDocument=document)


def reported(log: AuditLog) -> list[tuple[str, str, int]]:
    return [(entry.action, entry.decision, entry.status) for entry in log.entries()]


ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def test_a_call_s_checks_are_logged_with_the_status_of_its_response(log: AuditLog) -> None:
    audit = CallAudit(log)
    authorizer = Authorizer(audit)
    assert authorizer.check(WORKER, "s3:PutObject", "*", {}, policies=policies(ALLOW_ALL)).allowed
    assert not authorizer.check(WORKER, "kms:Decrypt", "*", {}, policies=policies()).allowed
    assert reported(log) == []
    audit.write(404)
    assert reported(log) == [("s3:PutObject", "allow", 404), ("kms:Decrypt", "deny", 404)]
    audit.write(200)
    assert len(reported(log)) == 2


def test_a_check_without_a_call_is_logged_at_once(log: AuditLog) -> None:
    authorizer = Authorizer(ImmediateAudit(log))
    authorizer.check(WORKER, "s3:PutObject", "*", {}, policies=policies(ALLOW_ALL))
    authorizer.check(WORKER, "s3:PutObject", "*", {}, policies=policies())
    assert reported(log) == [("s3:PutObject", "allow", 200), ("s3:PutObject", "deny", 403)]


def test_a_question_that_is_no_call_is_not_logged(log: AuditLog) -> None:
    assert Authorizer(NoAudit()).check(WORKER, "s3:PutObject", "*", {}, policies=policies(ALLOW_ALL)).allowed
    assert reported(log) == []


def test_the_principal_s_own_keys_are_in_the_context() -> None:
    own = {
        "Condition": {
            "StringEquals": {"aws:PrincipalArn": WORKER.role_arn},
            "ForAnyValue:StringEquals": {"aws:TagKeys": "team"},
        }
    }
    check = Authorizer(NoAudit()).check
    assert check(
        WORKER, "x:Y", "*", {"aws:tagkeys": ["team"]}, policies=policies({**ALLOW_ALL, **own})
    ).allowed
    assert not check(WORKER, "x:Y", "*", {}, policies=policies({**ALLOW_ALL, **own})).allowed


def test_a_principal_has_the_policies_that_iam_holds(log: AuditLog) -> None:
    grant_to_worker({"Effect": "Allow", "Action": "sqs:*", "Resource": "*"})
    check = Authorizer(ImmediateAudit(log)).check
    assert check(WORKER, "sqs:ListQueues", "*", {}).allowed
    assert check(WORKER, "s3:GetObject", "*", {}).result == "implicitDeny"
    assert [entry.reason for entry in log.entries()] == [
        "allowed by inline policy inline",
        "because no identity-based policy allows the s3:GetObject action",
    ]


def test_of_the_context_only_the_keys_that_policies_name_are_recorded(log: AuditLog) -> None:
    via = {"StringEquals": {"kms:ViaService": "s3.amazonaws.com"}}
    grant_to_worker(
        {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Condition": via},
        {
            "Effect": "Allow",
            "Action": "s3:*",
            "Resource": "arn:aws:s3:::photos/${aws:PrincipalTag/Team, 'none'}/*",
        },
    )
    keys = {
        "kms:viaservice": "s3.amazonaws.com",
        "aws:referer": "https://x?token=1",
        "aws:useragent": "boto3",
    }
    Authorizer(ImmediateAudit(log)).check(WORKER, "kms:Decrypt", "*", keys)
    tagged = replace(WORKER, tags={"Team": "dogs", "Other": "x"})
    Authorizer(ImmediateAudit(log)).check(tagged, "s3:GetObject", "arn:aws:s3:::photos/dogs/1", {})

    assert [entry.context for entry in log.entries()] == [
        {"kms:viaservice": "s3.amazonaws.com"},
        {"aws:principaltag/team": "dogs"},
    ]
    documents = [policy.document for policy in policy_store.principal_policies(WORKER).identity]
    for entry in log.entries():
        assert redecision.allows(documents, entry.action, entry.resource, entry.context)
        assert not redecision.allows(documents, entry.action, entry.resource, {})


def test_a_required_resource_policy_must_name_the_caller() -> None:
    trust = ResourcePolicy(policies({"Effect": "Allow", "Action": "*"}).identity[0], required=True)
    decision = Authorizer(NoAudit()).check(
        WORKER, "sts:AssumeRole", "*", {}, policies=policies(ALLOW_ALL), resource_policy=trust
    )
    assert decision.reason == "because no resource-based policy allows the sts:AssumeRole action"


TRAINING = ApiRequest(
    "sagemaker",
    "CreateTrainingJob",
    WORKER,
    {"TrainingJobName": "t", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/other", "Tags": [{"Key": "a"}]},
)
CREATE = {"Effect": "Allow", "Action": ["sagemaker:*"], "Resource": "*"}
PASS = {
    "Effect": "Allow",
    "Action": "iam:PassRole",
    "Resource": "*",
    "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
}


def test_a_call_is_allowed_by_all_the_permissions_that_it_requires(log: AuditLog) -> None:
    grant_to_worker(CREATE, PASS)
    authorize(TRAINING, Authorizer(ImmediateAudit(log)))
    assert [entry.action for entry in log.entries()] == [
        "sagemaker:CreateTrainingJob",
        "sagemaker:AddTags",
        "iam:PassRole",
    ]


def test_a_call_s_checks_end_with_the_first_denial(log: AuditLog) -> None:
    grant_to_worker({**CREATE, "Action": "sagemaker:CreateTrainingJob"}, PASS)
    with pytest.raises(AwsError, match="sagemaker:AddTags on resource: arn:aws:sagemaker:us-east-1:"):
        authorize(TRAINING, Authorizer(ImmediateAudit(log)))
    assert reported(log) == [
        ("sagemaker:CreateTrainingJob", "allow", 200),
        ("sagemaker:AddTags", "deny", 403),
    ]


@pytest.mark.parametrize(
    ("service", "operation", "protocol", "code", "status"),
    [
        ("s3", "ListBuckets", "rest-xml", "AccessDenied", 403),
        ("iam", "ListRoles", "query", "AccessDenied", 403),
        ("ec2", "DescribeInstances", "ec2", "UnauthorizedOperation", 403),
        ("sns", "ListTopics", "query", "AuthorizationError", 403),
        ("sagemaker", "ListModels", "json", "AccessDeniedException", 400),
        ("lambda", "ListFunctions", "rest-json", "AccessDeniedException", 403),
    ],
)
def test_a_denial_is_the_called_service_s_own_error(
    service: str, operation: str, protocol: str, code: str, status: int
) -> None:
    request = ApiRequest(service, operation, WORKER, protocol=protocol)
    with pytest.raises(AwsError, match=f"{WORKER.arn} is not authorized to perform: ") as denied:
        authorize(request, Authorizer(NoAudit()))
    assert (denied.value.code, denied.value.status) == (code, status)


def test_a_query_service_that_moved_to_json_kept_its_error() -> None:
    request = ApiRequest("sqs", "ListQueues", WORKER, protocol="json", query_compatible=True)
    with pytest.raises(AwsError) as denied:
        authorize(request, Authorizer(NoAudit()))
    assert (denied.value.code, denied.value.status) == ("AccessDenied", 403)


def test_the_operator_is_logged_as_unrestricted(log: AuditLog) -> None:
    authorizer = Authorizer(ImmediateAudit(log))
    authorize(ApiRequest("sqs", "ListQueues", OPERATOR), authorizer)
    authorize(ApiRequest("sts", "GetCallerIdentity", OPERATOR), authorizer)
    assert reported(log) == [
        ("sqs:ListQueues", "unrestricted", 200),
        ("sts:GetCallerIdentity", "unrestricted", 200),
    ]
