"""Asynchronous inference, data capture and response streams, called as AWS documents them."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import DrivenClock, Stage, eventually
from .small_models import Endpoints


@pytest.fixture(scope="module")
def endpoints(stage: Stage) -> Endpoints:
    return Endpoints(stage)


class Topic:
    """A topic with a queue that shows what was published."""

    def __init__(self, stage: Stage) -> None:
        sns, self._sqs = stage.client("sns"), stage.client("sqs")
        name = f"inference-{uuid.uuid4().hex[:8]}"
        self.arn = sns.create_topic(Name=name)["TopicArn"]
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        queue = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        arn = queue["Attributes"]["QueueArn"]
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "sns.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": self.arn}},
                }
            ],
        }
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": json.dumps(policy)})
        sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=arn)

    def message(self) -> dict[str, Any]:
        def received() -> Any:
            return self._sqs.receive_message(QueueUrl=self._url).get("Messages")

        (message,) = eventually(received)
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        document: dict[str, Any] = json.loads(json.loads(message["Body"])["Message"])
        return document


def asynchronous(bucket: str, topic: Topic) -> dict[str, Any]:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-create-endpoint-create-endpoint-config.html
    return {
        "AsyncInferenceConfig": {
            "OutputConfig": {
                "S3OutputPath": f"s3://{bucket}/out",
                "S3FailurePath": f"s3://{bucket}/failed",
                "NotificationConfig": {"SuccessTopic": topic.arn, "ErrorTopic": topic.arn},
            },
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 1},
        }
    }


def test_an_asynchronous_endpoint_works_off_its_queue_from_s3_to_s3(
    endpoints: Endpoints, driven_clock: DrivenClock
) -> None:
    topic, s3, bucket = Topic(endpoints.stage), endpoints.s3, endpoints.bucket
    name = endpoints.serving("a", members=asynchronous(bucket, topic))
    runtime, described = endpoints.runtime, endpoints.describe(name)
    try:
        configured = asynchronous(bucket, topic)["AsyncInferenceConfig"]
        assert (described["AsyncInferenceConfig"], "DataCaptureConfig" in described) == (configured, False)
        s3.put_object(Bucket=bucket, Key="in/photo.jpg", Body=b"12345")
        asked = {"EndpointName": name, "InputLocation": f"s3://{bucket}/in/photo.jpg"}
        accepted = runtime.invoke_endpoint_async(**asked, ContentType="image/jpeg", InferenceId="mine")
        assert (accepted["ResponseMetadata"]["HTTPStatusCode"], accepted["InferenceId"]) == (202, "mine")
        message = topic.message()
        assert (message["invocationStatus"], message["inferenceId"]) == ("Completed", "mine")
        assert message["responseParameters"]["outputLocation"] == accepted["OutputLocation"]
        assert message["requestParameters"]["inputLocation"] == asked["InputLocation"]
        key = accepted["OutputLocation"].removeprefix(f"s3://{bucket}/")
        answer = json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])
        assert (answer["model"], answer["bytes"]) == ("a", 5)
        assert answer["headers"]["content-type"] == "image/jpeg"

        s3.put_object(Bucket=bucket, Key="in/full", Body=b"full")  # which the model refuses with 503
        for key in ("in/none", "in/full"):
            failed = runtime.invoke_endpoint_async(EndpointName=name, InputLocation=f"s3://{bucket}/{key}")
            message = topic.message()
            assert message["invocationStatus"] == "Failed"
            place = failed["FailureLocation"].removeprefix(f"s3://{bucket}/")
            reason = s3.get_object(Bucket=bucket, Key=place)["Body"].read().decode()
            assert reason == message["failureReason"]
            assert ("NoSuchKey" if key == "in/none" else "Received server error (503)") in reason

        with pytest.raises(
            ClientError, match="does not support this inference type: use InvokeEndpointAsync"
        ):
            runtime.invoke_endpoint(EndpointName=name, Body=b"x")

        # Requests wait while no instance is in service; the backlog is what scaling policies follow.
        change = {"VariantName": "v1", "DesiredInstanceCount": 0}
        endpoints.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=[change]
        )
        endpoints.settled(name)
        for _ in range(3):
            runtime.invoke_endpoint_async(**asked)
        now = driven_clock.advance(120)
        values = {
            metric: endpoints.stage.client("cloudwatch").get_metric_statistics(
                Namespace="AWS/SageMaker",
                MetricName=metric,
                Dimensions=[{"Name": "EndpointName", "Value": name}],
                StartTime=now - 120,
                EndTime=now + 60,
                Period=60,
                Statistics=["Maximum"],
            )["Datapoints"][-1]["Maximum"]
            for metric in ("ApproximateBacklogSize", "HasBacklogWithoutCapacity")
        }
        assert values == {"ApproximateBacklogSize": 3, "HasBacklogWithoutCapacity": 1}
        scaling = Backlog(endpoints.stage, name)
        scaling.track()

        def instances(count: int) -> bool:
            driven_clock.advance(1)
            (variant,) = endpoints.describe(name)["ProductionVariants"]
            return bool(variant["CurrentInstanceCount"] == variant["DesiredInstanceCount"] == count)

        driven_clock.advance(3 * 60)  # 3 requests are more than the 2 for each instance
        eventually(lambda: instances(2), 60)
        assert [topic.message()["invocationStatus"] for _ in range(3)] == ["Completed"] * 3
        driven_clock.advance(20 * 60)
        eventually(lambda: instances(0))
        scaling.let_nothing_wait()
        runtime.invoke_endpoint_async(**asked)
        driven_clock.advance(3 * 60)  # 1 request is not, but the step policy does not let it wait
        eventually(lambda: instances(1), 60)
        assert topic.message()["invocationStatus"] == "Completed"
        assert scaling.policies() == ["backlog", "backlog", "has-backlog"]
    finally:
        endpoints.delete(name)


class Backlog:
    """The scaling of an asynchronous endpoint from and to zero, as AWS documents it.

    https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
    """

    def __init__(self, stage: Stage, name: str) -> None:
        self._scaling, self._cloudwatch = stage.client("application-autoscaling"), stage.client("cloudwatch")
        self._name, self._dimensions = name, [{"Name": "EndpointName", "Value": name}]
        self._target = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{name}/variant/v1",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        }
        self._scaling.register_scalable_target(**self._target, MinCapacity=0, MaxCapacity=2)

    def track(self) -> None:
        self._scaling.put_scaling_policy(
            **self._target,
            PolicyName="backlog",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 2.0,
                "CustomizedMetricSpecification": {
                    "MetricName": "ApproximateBacklogSizePerInstance",
                    "Namespace": "AWS/SageMaker",
                    "Dimensions": self._dimensions,
                    "Statistic": "Average",
                },
                "ScaleInCooldown": 60,
                "ScaleOutCooldown": 60,
            },
        )

    def let_nothing_wait(self) -> None:
        policy = self._scaling.put_scaling_policy(
            **self._target,
            PolicyName="has-backlog",
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration={
                "AdjustmentType": "ChangeInCapacity",
                "MetricAggregationType": "Average",
                "Cooldown": 60,
                "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
            },
        )
        self._cloudwatch.put_metric_alarm(
            AlarmName=f"has-backlog-{self._name}",
            MetricName="HasBacklogWithoutCapacity",
            Namespace="AWS/SageMaker",
            Statistic="Average",
            EvaluationPeriods=2,
            DatapointsToAlarm=2,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="missing",
            Dimensions=self._dimensions,
            Period=60,
            AlarmActions=[policy["PolicyARN"]],
        )

    def policies(self) -> list[str]:
        """Return which policies have scaled it, the first one first."""
        activities = self._scaling.describe_scaling_activities(**self._target)["ScalingActivities"]
        return [activity["Cause"].rpartition(" ")[2] for activity in reversed(activities)]


def test_what_goes_in_and_out_is_captured_and_streamed(endpoints: Endpoints) -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
    s3, bucket = endpoints.s3, endpoints.bucket
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{bucket}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
    }
    name = endpoints.serving("c", members={"DataCaptureConfig": capture})
    try:
        described = endpoints.describe(name)
        assert described["DataCaptureConfig"] == {
            "EnableCapture": True,
            "CaptureStatus": "Started",
            "CurrentSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{bucket}/captured",
        }
        endpoints.ask(name, b"\xff\xd8", ContentType="image/jpeg", CustomAttributes="why")

        def captured() -> list[str]:
            listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"captured/{name}/v1/").get("Contents", [])
            return [entry["Key"] for entry in listed]

        (key,) = eventually(captured)
        assert key.endswith(".jsonl")
        line = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        went, came = line["captureData"]["endpointInput"], line["captureData"]["endpointOutput"]
        assert (went["data"], went["encoding"], went["mode"]) == ("/9g=", "BASE64", "INPUT")
        assert (came["encoding"], json.loads(came["data"])["model"]) == ("JSON", "c")
        assert went["observedContentType"] == "image/jpeg"
        assert line["eventMetadata"]["customAttributes"] == ["why"]

        stream = endpoints.runtime.invoke_endpoint_with_response_stream(EndpointName=name, Body=b"123")
        assert (stream["ContentType"], stream["InvokedProductionVariant"]) == ("application/json", "v1")
        parts = [event["PayloadPart"]["Bytes"] for event in stream["Body"]]
        assert json.loads(b"".join(parts))["bytes"] == 3
        with pytest.raises(ClientError, match="use InvokeEndpoint"):
            endpoints.runtime.invoke_endpoint_async(EndpointName=name, InputLocation=f"s3://{bucket}/x")
        with pytest.raises(ClientError, match="has nothing for TargetModel"):
            endpoints.runtime.invoke_endpoint(EndpointName=name, Body=b"x", TargetModel="a.tar.gz")
    finally:
        endpoints.delete(name)


def test_a_shadow_variant_gets_copies_and_answers_nobody(endpoints: Endpoints) -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests-create.html
    candidate = endpoints.sagemaker.describe_endpoint_config(EndpointConfigName=endpoints.config("new"))
    (shadow,) = candidate["ProductionVariants"]
    shadow |= {"VariantName": "shadow", "InitialVariantWeight": 1.0}
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{endpoints.bucket}/shadowed",
        "CaptureOptions": [{"CaptureMode": "Output"}],
    }
    members = {"ShadowProductionVariants": [shadow], "DataCaptureConfig": capture}
    name = endpoints.serving("old", members=members)
    try:
        (described,) = endpoints.describe(name)["ShadowProductionVariants"]
        assert (described["VariantName"], described["CurrentInstanceCount"]) == ("shadow", 1)
        assert {endpoints.ask(name)["model"] for _ in range(5)} == {"old"}

        def captured() -> list[Any]:
            prefix = f"shadowed/{name}/shadow/"
            listed = endpoints.s3.list_objects_v2(Bucket=endpoints.bucket, Prefix=prefix).get("Contents", [])
            return listed if len(listed) == 5 else []

        key = eventually(captured)[0]["Key"]
        line = json.loads(endpoints.s3.get_object(Bucket=endpoints.bucket, Key=key)["Body"].read())
        assert json.loads(line["captureData"]["endpointOutput"]["data"])["model"] == "new"
        assert endpoints.error(name, TargetVariant="shadow")["Error"]["Code"] == "ValidationError"
    finally:
        endpoints.delete(name)


@pytest.mark.parametrize(
    ("members", "variant", "refusal"),
    [
        (
            {"ExplainerConfig": {"ClarifyExplainerConfig": {"ShapConfig": {"ShapBaselineConfig": {}}}}},
            {},
            "explan",
        ),
        ({"AsyncInferenceConfig": {"OutputConfig": {}}}, {}, "has no S3OutputPath"),
        ({}, {"ManagedInstanceScaling": {"Status": "ENABLED"}}, "no ManagedInstanceScaling"),
    ],
)
def test_what_an_endpoint_would_not_do_is_refused_with_its_configuration(
    endpoints: Endpoints, members: dict[str, Any], variant: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(ClientError, match=f"ValidationException.*{refusal}"):
        endpoints.config("a", members=members, variant=variant)


def test_what_sagemaker_would_start_and_nothing_runs_is_refused(endpoints: Endpoints) -> None:
    sagemaker = endpoints.sagemaker
    sagemaker.create_pipeline(
        PipelineName="p", ClientRequestToken="x" * 32, RoleArn=endpoints.role, PipelineDefinition="{}"
    )
    with pytest.raises(ClientError, match="StartPipelineExecution: no pipeline runs here"):
        sagemaker.start_pipeline_execution(PipelineName="p")
    with pytest.raises(ClientError, match="CreateDomain: no Studio runs here"):
        sagemaker.create_domain(
            DomainName="d",
            AuthMode="IAM",
            DefaultUserSettings={"ExecutionRole": endpoints.role},
            SubnetIds=["s"],
            VpcId="v",
        )
    with pytest.raises(ClientError, match="CreateFeatureGroup: no feature store is here"):
        sagemaker.create_feature_group(
            FeatureGroupName="f",
            RecordIdentifierFeatureName="id",
            EventTimeFeatureName="at",
            FeatureDefinitions=[{"FeatureName": "id", "FeatureType": "String"}],
            OnlineStoreConfig={"EnableOnlineStore": True},
        )
    with pytest.raises(ClientError, match="CreateCompilationJob: nothing compiles or optimizes models here"):
        sagemaker.create_compilation_job(
            CompilationJobName="c",
            RoleArn=endpoints.role,
            OutputConfig={"S3OutputLocation": "s3://b/o"},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )


def test_a_model_is_described_with_what_it_was_created_with(endpoints: Endpoints) -> None:
    endpoints.sagemaker.create_model(ModelName="plain", ExecutionRoleArn=endpoints.role)
    described = endpoints.sagemaker.describe_model(ModelName="plain")
    assert not {"Containers", "PrimaryContainer", "VpcConfig"} & set(described)
    container = {"Image": "dogs:1", "Mode": "SingleModel", "Environment": {"A": "b"}}
    endpoints.sagemaker.create_model(
        ModelName="several", ExecutionRoleArn=endpoints.role, Containers=[container]
    )
    described = endpoints.sagemaker.describe_model(ModelName="several")
    assert described["Containers"] == [container]
    assert "PrimaryContainer" not in described
