"""The gateway allows what the policies allow and denies the rest, with AWS's messages."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.localcloud.dispatch import audit_log

from .conftest import ACCOUNT, Client, assume, document, statement

Role = Callable[..., dict[str, str]]
ENDPOINT = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/classifier"
GRANT = statement("sagemaker:DescribeEndpoint", ENDPOINT)
names = (f"role-{number}" for number in itertools.count())

CASES: dict[str, tuple[list[dict[str, Any]], bool]] = {
    "nothing granted": ([], False),
    "this endpoint": ([GRANT], True),
    "every endpoint": ([statement("sagemaker:DescribeEndpoint", "*")], True),
    "another endpoint": ([statement("sagemaker:DescribeEndpoint", ENDPOINT + "-2")], False),
    "another action": ([statement("sagemaker:InvokeEndpoint", "*")], False),
    "an explicit deny beside it": ([statement("*", "*"), statement("sagemaker:*", "*", "Deny")], False),
    "a deny on this endpoint": ([statement("*", "*"), statement("sagemaker:*", ENDPOINT, "Deny")], False),
    "a deny on another endpoint": ([GRANT, statement("sagemaker:*", ENDPOINT + "-2", "Deny")], True),
    "another case": ([statement("SAGEMAKER:describeendpoint", "*")], True),
    "a question mark": ([statement("sagemaker:DescribeEndpoin?", "*")], True),
    "another region's condition": (
        [{**GRANT, "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}}],
        False,
    ),
    "this region's condition": (
        [{**GRANT, "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}}],
        True,
    ),
    "a condition on an absent key": (
        [{**GRANT, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}],
        False,
    ),
    "all but one action": (
        [{"Effect": "Allow", "NotAction": "sagemaker:DescribeEndpoint", "Resource": "*"}],
        False,
    ),
    "all but another resource": (
        [{"Effect": "Allow", "Action": "sagemaker:*", "NotResource": ENDPOINT + "-2"}],
        True,
    ),
}


@pytest.fixture(scope="module", autouse=True)
def endpoint(client: Client, role: Role) -> None:
    client("iam").create_role(
        RoleName="served",
        AssumeRolePolicyDocument=document(
            {
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ),
    )


def outcome(call: Callable[..., Any], **parameters: Any) -> tuple[int, str, str]:
    try:
        response = call(**parameters)
    except ClientError as failure:
        status, error = failure.response["ResponseMetadata"]["HTTPStatusCode"], failure.response["Error"]
        return status, error["Code"], error["Message"]
    return response["ResponseMetadata"]["HTTPStatusCode"], "", ""


def entries_of(service: Any, role: str) -> list[audit_log.AuditEntry]:
    """Return the audit log's entries of a role's sessions."""
    entries = audit_log.read(Path(service.directory) / "audit-log.jsonl")
    return [entry for entry in entries if f"/{role}/" in entry.principal]


@pytest.mark.parametrize("case", CASES)
def test_identity_policies_decide(case: str, client: Client, role: Role) -> None:
    statements, allowed = CASES[case]
    credentials = role(next(names), *statements)
    _, code, message = outcome(client("sagemaker", credentials).describe_endpoint, EndpointName="classifier")
    if allowed:
        assert code == "ValidationException", "authorized, then refused because there is no such endpoint"
    else:
        assert code == "AccessDeniedException"
        assert "is not authorized to perform: sagemaker:DescribeEndpoint on resource: " + ENDPOINT in message


def test_a_managed_policy_counts_with_its_default_version(client: Client, role: Role) -> None:
    iam, name = client("iam"), next(names)
    credentials = role(name)
    arn = iam.create_policy(PolicyName="describing", PolicyDocument=document(GRANT))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    describe = client("sagemaker", credentials).describe_endpoint
    assert outcome(describe, EndpointName="classifier")[1] == "ValidationException"
    iam.create_policy_version(
        PolicyArn=arn, PolicyDocument=document(statement("s3:ListAllMyBuckets", "*")), SetAsDefault=True
    )
    assert outcome(describe, EndpointName="classifier")[1] == "AccessDeniedException"


def test_a_boundary_limits_what_the_role_allows(client: Client, role: Role) -> None:
    arn = client("iam").create_policy(PolicyName="boundary", PolicyDocument=document(statement("s3:*", "*")))[
        "Policy"
    ]["Arn"]
    credentials = role(next(names), statement("*", "*"), PermissionsBoundary=arn)
    assert outcome(client("s3", credentials).list_buckets)[0] == 200
    _, code, message = outcome(client("sagemaker", credentials).describe_endpoint, EndpointName="classifier")
    assert code == "AccessDeniedException"
    assert "no permissions boundary allows the sagemaker:DescribeEndpoint action" in message


def test_a_session_policy_limits_the_session(client: Client, role: Role) -> None:
    name = next(names)
    role(name, statement("*", "*"))
    credentials = assume(client, name, Policy=document(statement("s3:*", "*")))
    assert outcome(client("s3", credentials).list_buckets)[0] == 200
    assert "no session policy" in outcome(client("sqs", credentials).list_queues)[2]


def test_a_role_that_does_not_trust_the_caller_cannot_be_assumed(client: Client) -> None:
    code = outcome(
        client("sts").assume_role, RoleArn=f"arn:aws:iam::{ACCOUNT}:role/served", RoleSessionName="tests"
    )[1]
    assert code == "AccessDenied"


def test_a_role_needs_a_grant_to_assume_another_that_trusts_the_account(client: Client, role: Role) -> None:
    target = next(names)
    role(target)
    arn = f"arn:aws:iam::{ACCOUNT}:role/{target}"
    without = role(next(names))
    granted = role(next(names), statement("sts:AssumeRole", arn))
    assert (
        outcome(client("sts", without).assume_role, RoleArn=arn, RoleSessionName="tests")[1] == "AccessDenied"
    )
    assert outcome(client("sts", granted).assume_role, RoleArn=arn, RoleSessionName="tests")[0] == 200


def test_a_user_s_own_key_is_bound_by_the_user_s_and_its_groups_policies(client: Client) -> None:
    iam = client("iam")
    iam.create_user(UserName="ada")
    key = iam.create_access_key(UserName="ada")["AccessKey"]
    credentials = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    assert client("sts", credentials).get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/ada"
    assert outcome(client("s3", credentials).list_buckets)[:2] == (403, "AccessDenied")
    iam.create_group(GroupName="readers")
    iam.put_group_policy(
        GroupName="readers", PolicyName="list", PolicyDocument=document(statement("s3:ListAllMyBuckets", "*"))
    )
    iam.add_user_to_group(GroupName="readers", UserName="ada")
    assert outcome(client("s3", credentials).list_buckets)[0] == 200
    iam.update_access_key(UserName="ada", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert outcome(client("s3", credentials).list_buckets)[:2] == (403, "InvalidAccessKeyId")


def test_training_needs_the_right_to_pass_its_role_to_that_service(client: Client, role: Role) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/served"
    create = statement("sagemaker:CreateModel", "*")
    parameters = {"ModelName": "passed", "ExecutionRoleArn": arn, "PrimaryContainer": {"Image": "image"}}
    wrong = {"Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}}
    right = {"Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}}
    for more, allowed in (((), False), ((statement("iam:PassRole", arn, **wrong),), False)):
        code, _, message = outcome(
            client("sagemaker", role(next(names), create, *more)).create_model, **parameters
        )
        assert (code == 200) is allowed
        assert "iam:PassRole" in message
    granted = role(next(names), create, statement("iam:PassRole", arn, **right))
    assert outcome(client("sagemaker", granted).create_model, **parameters)[0] == 200


def test_every_decision_is_in_the_audit_log(client: Client, role: Role, service: Any) -> None:
    name = next(names)
    credentials = role(name, statement("s3:ListAllMyBuckets", "*"))
    client("s3", credentials).list_buckets()
    outcome(client("sqs", credentials).get_queue_url, QueueName="nothing")
    assert [
        (entry.action, entry.resource, entry.decision, entry.status) for entry in entries_of(service, name)
    ] == [
        ("s3:ListAllMyBuckets", "*", "allow", 200),
        ("sqs:GetQueueUrl", f"arn:aws:sqs:us-east-1:{ACCOUNT}:nothing", "deny", 403),
    ]


def test_metrics_may_be_put_in_one_namespace_only(client: Client, role: Role) -> None:
    condition = {"StringEquals": {"cloudwatch:namespace": "Kennel"}}
    put = client(
        "cloudwatch", role(next(names), statement("cloudwatch:PutMetricData", "*", Condition=condition))
    )
    data = [{"MetricName": "Answers", "Value": 1}]
    assert outcome(put.put_metric_data, Namespace="Kennel", MetricData=data)[0] == 200
    assert outcome(put.put_metric_data, Namespace="AWS/Other", MetricData=data)[0] == 403


def test_log_streams_are_granted_by_group(client: Client, role: Role) -> None:
    group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/kennel/first:*"
    logs = client("logs", role(next(names), statement(["logs:CreateLogStream", "logs:PutLogEvents"], group)))
    operator = client("logs")
    for name in ("/kennel/first", "/kennel/second"):
        operator.create_log_group(logGroupName=name)
    assert outcome(logs.create_log_stream, logGroupName="/kennel/first", logStreamName="a")[0] == 200
    events = [{"timestamp": 1_700_000_000_000, "message": "hello"}]
    assert (
        outcome(logs.put_log_events, logGroupName="/kennel/first", logStreamName="a", logEvents=events)[0]
        == 200
    )
    assert (
        outcome(logs.create_log_stream, logGroupName="/kennel/second", logStreamName="a")[1]
        == "AccessDeniedException"
    )


def test_a_qualified_function_needs_a_qualified_grant(client: Client, role: Role) -> None:
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:predict"
    lam = client("lambda", role(next(names), statement("lambda:InvokeFunction", f"{arn}:live")))
    assert outcome(lam.invoke, FunctionName="predict", Qualifier="live")[1] == "ResourceNotFoundException"
    status, code, message = outcome(lam.invoke, FunctionName="predict")
    assert (status, code) == (403, "AccessDeniedException")
    assert message.split(" because ")[0].endswith(f"lambda:InvokeFunction on resource: {arn}")


def test_a_policy_that_is_taken_away_counts_no_more(client: Client, role: Role) -> None:
    name = next(names)
    sqs = client("sqs", role(name, statement("sqs:ListQueues", "*")))
    assert outcome(sqs.list_queues)[0] == 200
    client("iam").delete_role_policy(RoleName=name, PolicyName="inline")
    assert outcome(sqs.list_queues)[0] == 403


def test_a_queue_s_own_policy_grants_and_denies(client: Client, role: Role) -> None:
    name = next(names)
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:shared"
    sender = client("sqs", role(name, statement("sqs:GetQueueUrl", arn)))
    operator = client("sqs")
    url = operator.create_queue(QueueName="shared")["QueueUrl"]
    send = {"QueueUrl": url, "MessageBody": "x"}
    assert outcome(sender.send_message, **send)[0] == 403
    principal = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{name}"}}
    for effect, status in (("Allow", 200), ("Deny", 403)):
        policy = document({**principal, **statement("sqs:SendMessage", arn, effect)})
        operator.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        assert outcome(sender.send_message, **send)[0] == status
    assert outcome(operator.send_message, **send)[0] == 200


def test_a_call_that_requires_no_permission_is_in_the_audit_log_too(
    client: Client, role: Role, service: Any
) -> None:
    name = next(names)
    client("sts", role(name)).get_caller_identity()
    assert [(entry.action, entry.decision) for entry in entries_of(service, name)] == [
        ("sts:GetCallerIdentity", "allow")
    ]


def test_network_interfaces_are_granted_by_subnet(client: Client, role: Role) -> None:
    ec2, arn = client("ec2"), f"arn:aws:ec2:us-east-1:{ACCOUNT}"
    own, other = (subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"][:2])
    groups = [group["GroupId"] for group in ec2.describe_security_groups()["SecurityGroups"][:1]]
    create = [f"{arn}:network-interface/*", f"{arn}:subnet/{own}", f"{arn}:security-group/{groups[0]}"]
    within = {"ArnEquals": {"ec2:Subnet": f"{arn}:subnet/{own}"}}
    joining = client(
        "ec2",
        role(
            next(names),
            statement("ec2:CreateNetworkInterface", create),
            statement("ec2:DeleteNetworkInterface", f"{arn}:network-interface/*", Condition=within),
        ),
    )
    made = joining.create_network_interface(SubnetId=own, Groups=groups)["NetworkInterface"]
    code = "UnauthorizedOperation"
    assert outcome(joining.create_network_interface, SubnetId=other, Groups=groups)[1] == code
    foreign = ec2.create_network_interface(SubnetId=other)["NetworkInterface"]["NetworkInterfaceId"]
    assert outcome(joining.delete_network_interface, NetworkInterfaceId=foreign)[1] == code
    joining.delete_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"])
    ec2.delete_network_interface(NetworkInterfaceId=foreign)


def test_an_endpoint_under_a_key_needs_a_grant_of_it(client: Client, role: Role) -> None:
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    operator = client("sagemaker")
    operator.create_model(
        ModelName="under-a-key",
        ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/served",
        PrimaryContainer={"Image": "image"},
    )
    variant = {"VariantName": "v", "ModelName": "under-a-key", "InitialInstanceCount": 1}
    operator.create_endpoint_config(
        EndpointConfigName="under-a-key",
        KmsKeyId=key,
        ProductionVariants=[{**variant, "InstanceType": "ml.m5.large"}],
    )
    creates = statement("sagemaker:CreateEndpoint", "*")
    create = client("sagemaker", role(next(names), creates)).create_endpoint
    _, code, message = outcome(create, EndpointName="under-a-key", EndpointConfigName="under-a-key")
    assert code == "AccessDeniedException"
    assert f"kms:CreateGrant on resource: {key}" in message
    condition = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    granted = role(next(names), creates, statement("kms:CreateGrant", key, Condition=condition))
    create = client("sagemaker", granted).create_endpoint
    operator.delete_model(ModelName="under-a-key")  # authorized, then refused because there is no such model
    code = outcome(create, EndpointName="under-a-key", EndpointConfigName="under-a-key")[1]
    assert code == "ValidationException"
    operator.delete_endpoint_config(EndpointConfigName="under-a-key")
