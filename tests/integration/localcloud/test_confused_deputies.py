"""What services do for a caller: no more than policies let the service, or the caller, do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, Client, document, statement

QUEUE, NAME = f"arn:aws:sqs:us-east-1:{ACCOUNT}:of-the-deputies", "of-the-deputies"
CANNOT_REACH = "Unable to validate the following destination configurations"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/passed-by-deputies"


@pytest.fixture(scope="module")
def caller(role: Any) -> dict[str, str]:
    """Who may do everything, but nothing with queues, and pass no role."""
    deny = statement(["sqs:*", "iam:PassRole"], "*", "Deny")
    keys: dict[str, str] = role("deputy", statement("*", "*"), deny)
    return keys


@pytest.fixture
def queue(client: Client) -> Iterator[str]:
    url = client("sqs").create_queue(QueueName=NAME)["QueueUrl"]
    yield url
    client("sqs").delete_queue(QueueUrl=url)


def received(client: Client, url: str) -> list[str]:
    answer = client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [message["Body"] for message in answer.get("Messages", [])]


def let(client: Client, url: str, service: str) -> None:
    allow = statement("sqs:SendMessage", QUEUE, Principal={"Service": service})
    client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(allow)})


def test_a_topic_reaches_a_queue_if_the_queue_s_policy_lets_it(
    client: Client, caller: dict[str, str], queue: str
) -> None:
    sns = client("sns", caller)
    topic = sns.create_topic(Name="of-a-deputy")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)
    sns.publish(TopicArn=topic, Message="not allowed")
    assert received(client, queue) == []
    let(client, queue, "sns.amazonaws.com")
    sns.publish(TopicArn=topic, Message="allowed")
    assert [json.loads(body)["Message"] for body in received(client, queue)] == ["allowed"]
    sns.delete_topic(TopicArn=topic)


def test_a_message_that_reaches_no_function_goes_to_the_subscription_s_dead_letter_queue(
    client: Client, caller: dict[str, str], queue: str
) -> None:
    sns, function = client("sns", caller), f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:of-nobody"
    topic = sns.create_topic(Name="of-a-deputy")["TopicArn"]
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": QUEUE})}
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function, Attributes=redrive)
    sns.publish(TopicArn=topic, Message="not allowed")
    assert received(client, queue) == []
    let(client, queue, "sns.amazonaws.com")
    sns.publish(TopicArn=topic, Message="not delivered")
    assert [json.loads(body)["Message"] for body in received(client, queue)] == ["not delivered"]
    sns.delete_topic(TopicArn=topic)


def test_a_bucket_reaches_a_queue_if_the_queue_s_policy_lets_it(
    client: Client, caller: dict[str, str], queue: str
) -> None:
    s3 = client("s3", caller)
    s3.create_bucket(Bucket="of-a-deputy")
    notified = {"QueueConfigurations": [{"QueueArn": QUEUE, "Events": ["s3:ObjectCreated:*"]}]}
    given: dict[str, Any] = {"Bucket": "of-a-deputy", "NotificationConfiguration": notified}
    with pytest.raises(ClientError, match=f"InvalidArgument.*{CANNOT_REACH}: {QUEUE}: .*not authorized"):
        s3.put_bucket_notification_configuration(**given)
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket="of-a-deputy")
    s3.put_bucket_notification_configuration(**given, SkipDestinationValidation=True)
    s3.put_object(Bucket="of-a-deputy", Key="k", Body=b"")
    assert received(client, queue) == []
    let(client, queue, "s3.amazonaws.com")
    answer = s3.put_bucket_notification_configuration(**given)["ResponseMetadata"]
    (test,) = [json.loads(body) for body in received(client, queue)]
    assert (test["Event"], test["Bucket"], test["RequestId"]) == (
        "s3:TestEvent",
        "of-a-deputy",
        answer["RequestId"],
    )
    s3.put_object(Bucket="of-a-deputy", Key="allowed", Body=b"")
    assert ["allowed" in body for body in received(client, queue)] == [True]
    for key in ("k", "allowed"):
        s3.delete_object(Bucket="of-a-deputy", Key=key)
    s3.delete_bucket(Bucket="of-a-deputy")


def test_a_bucket_reaches_a_topic_whose_default_policy_was_replaced(client: Client, queue: str) -> None:
    s3, sns, bucket = client("s3"), client("sns"), "of-a-topic"
    let(client, queue, "sns.amazonaws.com")
    s3.create_bucket(Bucket=bucket)
    topic = sns.create_topic(Name=bucket)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)
    notified = {"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectTagging:*"]}]}
    given: dict[str, Any] = {"Bucket": bucket, "NotificationConfiguration": notified}
    with pytest.raises(ClientError, match=f"InvalidArgument.*{CANNOT_REACH}: {topic}: .*not authorized"):
        s3.put_bucket_notification_configuration(**given)
    allow = statement(
        "sns:Publish",
        topic,
        Principal={"Service": "s3.amazonaws.com"},
        Condition={"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}},
    )
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=document(allow))
    s3.put_bucket_notification_configuration(**given)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    test, message = [json.loads(body) for body in received(client, queue)]
    assert json.loads(test["Message"])["Event"] == "s3:TestEvent"
    (record,) = json.loads(message["Message"])["Records"]
    assert (message["Subject"], record["eventName"], record["eventVersion"]) == (
        "Amazon S3 Notification",
        "ObjectTagging:Put",
        "2.3",
    )
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    sns.delete_topic(TopicArn=topic)


NOT_HERE = {
    "no such queue": ("Queue", f"arn:aws:sqs:us-east-1:{ACCOUNT}:of-nobody", CANNOT_REACH),
    "no such topic": ("Topic", f"arn:aws:sns:us-east-1:{ACCOUNT}:of-nobody", CANNOT_REACH),
    "no such function": (
        "LambdaFunction",
        f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:of-nobody",
        CANNOT_REACH,
    ),
    "another region": ("Queue", QUEUE.replace("us-east-1", "eu-west-1"), "region is not valid"),
    "no queue at all": ("Queue", f"arn:aws:sns:us-east-1:{ACCOUNT}:t", "ARN could not be parsed"),
}


@pytest.mark.parametrize("what", NOT_HERE)
def test_a_bucket_takes_no_destination_that_is_not_there(what: str, client: Client) -> None:
    kind, arn, message = NOT_HERE[what]
    s3, bucket = client("s3"), "without-destination"
    s3.create_bucket(Bucket=bucket)
    try:
        refused = {f"{kind}Configurations": [{f"{kind}Arn": arn, "Events": ["s3:ObjectRemoved:*"]}]}
        with pytest.raises(ClientError, match=f"InvalidArgument.*{message}"):
            s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=refused)
        assert f"{kind}Configurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)
    finally:
        s3.delete_bucket(Bucket=bucket)


# Calls that hand a role to a service, at their creation or later.
PASSING: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a pipeline": ("sagemaker", "update_pipeline", {"PipelineName": "p", "RoleArn": ROLE}),
    "a notebook": ("sagemaker", "update_notebook_instance", {"NotebookInstanceName": "n", "RoleArn": ROLE}),
    "a model package": (
        "sagemaker",
        "create_model_package",
        {
            "ModelPackageName": "p",
            "ValidationSpecification": {
                "ValidationRole": ROLE,
                "ValidationProfiles": [
                    {
                        "ProfileName": "p",
                        "TransformJobDefinition": {
                            "TransformInput": {
                                "DataSource": {
                                    "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}
                                }
                            },
                            "TransformOutput": {"S3OutputPath": "s3://b/out"},
                            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
                        },
                    }
                ],
            },
        },
    ),
    "one of several searches": (
        "sagemaker",
        "create_hyper_parameter_tuning_job",
        {
            "HyperParameterTuningJobName": "t",
            "HyperParameterTuningJobConfig": {
                "Strategy": "Random",
                "ResourceLimits": {"MaxParallelTrainingJobs": 1},
            },
            "TrainingJobDefinitions": [
                {
                    "RoleArn": ROLE,
                    "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": "i"},
                    "OutputDataConfig": {"S3OutputPath": "s3://b"},
                    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
                }
            ],
        },
    ),
    "a function": ("lambda", "update_function_configuration", {"FunctionName": "f", "Role": ROLE}),
    "a state machine": (
        "stepfunctions",
        "update_state_machine",
        {"stateMachineArn": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m", "roleArn": ROLE},
    ),
    "a rule": ("events", "put_rule", {"Name": "r", "EventPattern": '{"source": ["x"]}', "RoleArn": ROLE}),
    "a rule's target": (
        "events",
        "put_targets",
        {"Rule": "r", "Targets": [{"Id": "1", "Arn": QUEUE, "RoleArn": ROLE}]},
    ),
    "a schedule": (
        "scheduler",
        "update_schedule",
        {
            "Name": "s",
            "ScheduleExpression": "rate(1 minute)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": QUEUE, "RoleArn": ROLE},
        },
    ),
    "a replication": (
        "s3",
        "put_bucket_replication",
        {
            "Bucket": "b-of-nobody",
            "ReplicationConfiguration": {
                "Role": ROLE,
                "Rules": [{"Status": "Enabled", "Prefix": "", "Destination": {"Bucket": "arn:aws:s3:::c"}}],
            },
        },
    ),
    "a filter of logs": (
        "logs",
        "put_subscription_filter",
        {
            "logGroupName": "g",
            "filterName": "f",
            "filterPattern": "",
            "destinationArn": f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/x",
            "roleArn": ROLE,
        },
    ),
    "a stack": ("cloudformation", "update_stack", {"StackName": "s", "TemplateBody": "{}", "RoleARN": ROLE}),
    "a job": ("glue", "create_job", {"Name": "j", "Role": ROLE, "Command": {"Name": "glueetl"}}),
    "a task": (
        "ecs",
        "register_task_definition",
        {"family": "f", "containerDefinitions": [], "taskRoleArn": ROLE},
    ),
    "a command": (
        "ssm",
        "send_command",
        {
            "DocumentName": "AWS-RunShellScript",
            "InstanceIds": ["i-1234567890abcdef0"],
            "ServiceRoleArn": ROLE,
        },
    ),
}


def test_a_role_that_is_only_mentioned_is_not_passed(client: Client, caller: dict[str, str]) -> None:
    s3, ssm = client("s3", caller), client("ssm", caller)
    s3.create_bucket(Bucket="mentions")
    s3.put_object(Bucket="mentions", Key="k", Metadata={"role": ROLE})
    s3.delete_object(Bucket="mentions", Key="k")
    s3.delete_bucket(Bucket="mentions")
    ssm.put_parameter(Name="role", Value=ROLE, Type="String")
    ssm.delete_parameter(Name="role")


@pytest.mark.parametrize("what", PASSING)
def test_who_may_not_pass_a_role_gives_none_to_a_service(
    what: str, client: Client, caller: dict[str, str]
) -> None:
    service, operation, parameters = PASSING[what]
    with pytest.raises(ClientError, match=f"iam:PassRole on resource: .?{ROLE}"):
        getattr(client(service, caller), operation)(**parameters)
