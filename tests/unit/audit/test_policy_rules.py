"""The rules of the project's own checks that combine statements or read other documents, without checkov."""

from __future__ import annotations

from typing import Any

import pytest

ROLES = "arn:aws:iam::123456789012:role/*"


def statements(modules: dict[str, Any], *blocks: dict[str, Any]) -> list[Any]:
    """Return the statements of a policy that allows these."""
    return modules["statements"].of_json({"Statement": [{"Effect": "Allow", **block} for block in blocks]})


def test_a_combination_may_be_spread_over_statements(modules: dict[str, Any]) -> None:
    passes = {"Action": "iam:PassRole", "Resource": ROLES}
    creates = {"Action": "sagemaker:CreateT*", "Resource": "arn:aws:sagemaker:us-east-1:1:training-job/x"}
    paths = modules["escalations"].escalations
    assert paths(statements(modules, passes)) == []
    assert paths(statements(modules, creates)) == []
    assert paths(statements(modules, passes, creates)) == [("iam:PassRole", "sagemaker:CreateTrainingJob")]


def test_the_service_to_which_a_role_is_passed_is_no_limit_but_a_boundary_is(modules: dict[str, Any]) -> None:
    service = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    boundary = {"StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::123456789012:policy/limit"}}
    runs = {"Action": "ec2:RunInstances", "Resource": "*"}
    paths = modules["escalations"].escalations
    assert paths(
        statements(modules, {"Action": "iam:PassRole", "Resource": "*", "Condition": service}, runs)
    ) == [("iam:PassRole", "ec2:RunInstances")]
    limited = {"Action": "iam:PutRolePolicy", "Resource": ROLES, "Condition": boundary}
    assert paths(statements(modules, limited)) == []
    assert paths(statements(modules, {"Action": "iam:PutRoleP*", "Resource": ROLES})) == [
        ("iam:PutRolePolicy",)
    ]


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
        {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}},
        {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/*"}},
    ],
)
def test_everyone_may_be_limited(modules: dict[str, Any], condition: dict[str, Any]) -> None:
    everyone = {"Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
    [statement] = statements(modules, everyone)
    assert modules["rules"].lets_everyone_in(statement)
    [statement] = statements(modules, {**everyone, "Condition": condition})
    assert not modules["rules"].lets_everyone_in(statement)


def test_a_weak_condition_limits_nobody(modules: dict[str, Any]) -> None:
    for condition in (
        {"StringEqualsIfExists": {"aws:SourceAccount": "1"}},
        {"Bool": {"aws:SecureTransport": "true"}},
    ):
        [statement] = statements(
            modules, {"Principal": {"AWS": "*"}, "Action": "sns:Publish", "Condition": condition}
        )
        assert modules["rules"].lets_everyone_in(statement)


def test_creating_counts_where_aws_has_a_resource_type(modules: dict[str, Any]) -> None:
    def creates(action: str, resource: str = "*", **more: Any) -> bool:
        [statement] = statements(modules, {"Action": action, "Resource": resource, **more})
        return modules["rules"].creates_anything(
            statement, lambda patterns: [each for each in patterns if each != "sns:CreatePlatformApplication"]
        )

    assert creates("sagemaker:CreateEndpoint")
    assert creates("sagemaker:InvokeEndpointAsync")
    assert not creates("sagemaker:DescribeEndpoint")
    assert not creates("sns:CreatePlatformApplication")
    assert not creates("sagemaker:CreateEndpoint", "arn:aws:sagemaker:us-east-1:1:endpoint/x-*")
    tagged = {"StringEquals": {"aws:RequestTag/Stack": "x"}}
    assert not creates("sagemaker:CreateEndpoint", Condition=tagged)


def test_a_resource_s_own_policy_reaches_that_resource_only(modules: dict[str, Any]) -> None:
    root = {"AWS": "arn:aws:iam::123456789012:root"}
    [statement] = statements(modules, {"Principal": root, "Action": "*", "Resource": "*"})
    assert not modules["rules"].creates_anything(statement, lambda _: ["kms:CreateGrant"])
    assert not modules["rules"].starts_any_job(statement)
    assert modules["escalations"].escalations([statement]) == []


def test_every_value_of_an_empty_list_is_in_any_network(modules: dict[str, Any]) -> None:
    key = {"ArnEquals": {"sagemaker:VolumeKmsKeyArn": "arn:aws:kms:us-east-1:1:key/1"}}
    network = {"ForAllValues:StringEquals": {"sagemaker:VpcSubnets": ["subnet-1"]}}
    present = {"Null": {"sagemaker:VpcSubnets": "false"}}

    def starts_any(condition: dict[str, Any]) -> bool:
        job = {"Action": "sagemaker:CreateTrainingJob", "Resource": "*", "Condition": condition}
        [statement] = statements(modules, job)
        return bool(modules["rules"].starts_any_job(statement))

    assert starts_any(key)
    assert starts_any(network | key)
    assert not starts_any(network | key | present)
    assert starts_any(network | present)


def test_what_a_job_of_a_pipeline_lacks_is_named(modules: dict[str, Any]) -> None:
    job = {
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "VpcConfig": {"Subnets": ["subnet-1"]},
        "ResourceConfig": {"VolumeKmsKeyId": "alias/own"},
        "OutputDataConfig": {"KmsKeyId": "alias/own"},
    }
    lacks = modules["jobs"].open_jobs
    assert lacks({"Steps": [{"Arguments": job}]}) == []
    assert lacks([{**job, "VpcConfig": None}]) == ["EnableNetworkIsolation or VpcConfig"]
    assert lacks({**job, "ResourceConfig": {}}) == ["ResourceConfig.VolumeKmsKeyId"]
    assert lacks({"x": {**job, "OutputDataConfig": {}}}) == ["OutputDataConfig.KmsKeyId"]
    assert lacks({"Steps": [{"Type": "Processing"}]}) == []


def test_public_acls_are_canned_ones_and_grants_to_groups_of_everyone(modules: dict[str, Any]) -> None:
    public = modules["jobs"].public_acl
    assert public({"acl": ["authenticated-read"]})
    grantee = {"uri": ["http://acs.amazonaws.com/groups/global/AllUsers"]}
    assert public({"access_control_policy": [{"grant": [{"grantee": [grantee]}]}]})
    log = {"uri": ["http://acs.amazonaws.com/groups/s3/LogDelivery"]}
    assert not public({"acl": ["private"], "grant": [{"grantee": [log]}]})


def test_ids_are_given_once(modules: dict[str, Any]) -> None:
    numbers = [number for entry in modules["catalogue"].ENTRIES for number in entry.numbers]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert all(len(entry.numbers) == len(entry.blocks) for entry in modules["catalogue"].ENTRIES)


def test_a_trust_policy_is_open_to_others_without_a_limit(modules: dict[str, Any]) -> None:
    account = "123456789012"

    def open_to(principal: Any, condition: dict[str, Any] | None = None) -> list[str]:
        block = {"Principal": principal, "Action": "sts:AssumeRole", "Condition": condition or {}}
        [statement] = statements(modules, block)
        return list(modules["trusts"].open_to(statement, account))

    foreign = "arn:aws:iam::210987654321:root"
    assert open_to({"AWS": [f"arn:aws:iam::{account}:root", account]}) == []
    assert open_to({"AWS": foreign}) == [foreign]
    assert open_to("*") == ["*"]
    assert open_to({"AWS": foreign}, {"StringEquals": {"sts:ExternalId": "x"}}) == []
    assert open_to({"AWS": "*"}, {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}) == ["*"]
    assert open_to({"Service": "lambda.amazonaws.com"}) == []


def test_a_web_identity_is_limited_by_its_subject(modules: dict[str, Any]) -> None:
    issuer = "token.actions.githubusercontent.com"
    provider = {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{issuer}"}
    for claim, outside in (("sub", []), ("aud", [provider["Federated"]])):
        condition = {"StringEquals": {f"{issuer}:{claim}": "x"}}
        [statement] = statements(modules, {"Principal": provider, "Action": "x", "Condition": condition})
        assert modules["trusts"].open_to(statement, "123456789012") == outside
