"""Which actions on which resources a real SDK request needs: boto3 builds it, the front's codec reads it."""

from __future__ import annotations

import io
from typing import Any, cast
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from werkzeug.test import EnvironBuilder

from kennel.localcloud import wire
from kennel.localcloud.call import Call
from kennel.localcloud.cloud import Cloud
from kennel.localcloud.iam.actions import needs
from kennel.localcloud.iam.principals import OPERATOR
from kennel.localcloud.iam.signature import read_signature, verify

A, R = "123456789012", "us-east-1"
SAGEMAKER = f"arn:aws:sagemaker:{R}:{A}"
FUNCTION = f"arn:aws:lambda:{R}:{A}:function:f"
LOGS = f"arn:aws:logs:{R}:{A}:log-group"
ROLE = f"arn:aws:iam::{A}:role/r"
OBJECT = {"Bucket": "b", "Key": "k/1"}
TRAINING: dict[str, Any] = {
    "TrainingJobName": "t",
    "RoleArn": ROLE,
    "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": "i"},
    "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
VARIANT = {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


class Captured(Exception):  # noqa: N818 - carries the request out of the SDK
    pass


def call_of(service: str, operation: str, parameters: dict[str, Any]) -> Call:
    """The call that the front would make of an SDK's request, its signature checked on the way."""
    client = boto3.client(
        service,
        region_name=R,
        endpoint_url="http://127.0.0.1:4510",
        aws_access_key_id="AKIAKENNELOPERATOR00",
        aws_secret_access_key="kennel-local-operator",
        config=Config(s3={"addressing_style": "path"}, parameter_validation=False),
    )

    def capture(request: Any, **_: Any) -> None:
        raise Captured(request)

    client.meta.events.register("before-send", capture)
    with pytest.raises(Captured) as caught:
        getattr(client, operation)(**parameters)
    request = caught.value.args[0]
    parts = urlsplit(request.url)
    body = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    elif isinstance(body, str):
        body = body.encode()
    environ = EnvironBuilder(
        path=parts.path,
        query_string=parts.query,
        method=request.method,
        base_url=f"http://{parts.netloc}",
        headers=[
            (name, value.decode() if isinstance(value, bytes) else value)
            for name, value in request.headers.items()
        ],
        input_stream=io.BytesIO(body),
        content_length=len(body),
    ).get_environ()
    environ["RAW_URI"] = parts.path + (f"?{parts.query}" if parts.query else "")
    signature = read_signature(environ)
    assert signature is not None
    name = wire.service_of(signature.service, environ)
    decoded = wire.decode(name, environ)
    verify(signature, "kennel-local-operator", environ, decoded.body)
    return Call(
        cloud=cast(Cloud, None),
        service=name,
        operation=decoded.model.name,
        model=decoded.model,
        protocol=decoded.protocol,
        parameters=decoded.parameters,
        region=R,
        account=A,
        principal=OPERATOR,
        headers=decoded.headers,
        environ=environ,
        moto=lambda *_: [],
    )


CASES: list[tuple[str, str, dict[str, Any], list[tuple[str, str]]]] = [
    ("s3", "get_object", OBJECT, [("s3:GetObject", "arn:aws:s3:::b/k/1")]),
    ("s3", "get_object", {**OBJECT, "VersionId": "v"}, [("s3:GetObjectVersion", "arn:aws:s3:::b/k/1")]),
    ("s3", "head_object", {"Bucket": "b", "Key": "ü +&"}, [("s3:GetObject", "arn:aws:s3:::b/ü +&")]),
    ("s3", "head_bucket", {"Bucket": "b"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
    ("s3", "list_objects_v2", {"Bucket": "b", "Prefix": "p"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
    ("s3", "list_object_versions", {"Bucket": "b"}, [("s3:ListBucketVersions", "arn:aws:s3:::b")]),
    ("s3", "list_buckets", {}, [("s3:ListAllMyBuckets", "*")]),
    ("s3", "put_object", {**OBJECT, "Body": b"x"}, [("s3:PutObject", "arn:aws:s3:::b/k/1")]),
    (
        "s3",
        "put_object",
        {**OBJECT, "Tagging": "a=1", "ACL": "private"},
        [
            ("s3:PutObject", "arn:aws:s3:::b/k/1"),
            ("s3:PutObjectTagging", "arn:aws:s3:::b/k/1"),
            ("s3:PutObjectAcl", "arn:aws:s3:::b/k/1"),
        ],
    ),
    ("s3", "create_multipart_upload", OBJECT, [("s3:PutObject", "arn:aws:s3:::b/k/1")]),
    (
        "s3",
        "upload_part",
        {**OBJECT, "PartNumber": 1, "UploadId": "u", "Body": b"x"},
        [("s3:PutObject", "arn:aws:s3:::b/k/1")],
    ),
    (
        "s3",
        "complete_multipart_upload",
        {**OBJECT, "UploadId": "u", "MultipartUpload": {"Parts": []}},
        [("s3:PutObject", "arn:aws:s3:::b/k/1")],
    ),
    (
        "s3",
        "abort_multipart_upload",
        {**OBJECT, "UploadId": "u"},
        [("s3:AbortMultipartUpload", "arn:aws:s3:::b/k/1")],
    ),
    (
        "s3",
        "list_parts",
        {**OBJECT, "UploadId": "u"},
        [("s3:ListMultipartUploadParts", "arn:aws:s3:::b/k/1")],
    ),
    (
        "s3",
        "delete_objects",
        {"Bucket": "b", "Delete": {"Objects": [{"Key": "x"}, {"Key": "y", "VersionId": "1"}]}},
        [("s3:DeleteObject", "arn:aws:s3:::b/x"), ("s3:DeleteObjectVersion", "arn:aws:s3:::b/y")],
    ),
    (
        "s3",
        "copy_object",
        {**OBJECT, "CopySource": {"Bucket": "c", "Key": "from it", "VersionId": "1"}},
        [("s3:GetObjectVersion", "arn:aws:s3:::c/from it"), ("s3:PutObject", "arn:aws:s3:::b/k/1")],
    ),
    ("s3", "get_object_tagging", OBJECT, [("s3:GetObjectTagging", "arn:aws:s3:::b/k/1")]),
    ("s3", "get_bucket_encryption", {"Bucket": "b"}, [("s3:GetEncryptionConfiguration", "arn:aws:s3:::b")]),
    ("s3", "get_public_access_block", {"Bucket": "b"}, [("s3:GetBucketPublicAccessBlock", "arn:aws:s3:::b")]),
    (
        "sagemaker",
        "create_training_job",
        TRAINING,
        [("sagemaker:CreateTrainingJob", f"{SAGEMAKER}:training-job/t"), ("iam:PassRole", ROLE)],
    ),
    (
        "sagemaker",
        "create_training_job",
        {**TRAINING, "Tags": [{"Key": "a", "Value": "1"}]},
        [
            ("sagemaker:CreateTrainingJob", f"{SAGEMAKER}:training-job/t"),
            ("sagemaker:AddTags", f"{SAGEMAKER}:training-job/t"),
            ("iam:PassRole", ROLE),
        ],
    ),
    (
        "sagemaker",
        "describe_training_job",
        {"TrainingJobName": "t"},
        [("sagemaker:DescribeTrainingJob", f"{SAGEMAKER}:training-job/t")],
    ),
    ("sagemaker", "list_training_jobs", {}, [("sagemaker:ListTrainingJobs", "*")]),
    (
        "sagemaker",
        "create_model",
        {"ModelName": "m", "ExecutionRoleArn": ROLE},
        [("sagemaker:CreateModel", f"{SAGEMAKER}:model/m"), ("iam:PassRole", ROLE)],
    ),
    (
        "sagemaker",
        "create_endpoint_config",
        {"EndpointConfigName": "c", "ProductionVariants": [VARIANT]},
        [("sagemaker:CreateEndpointConfig", f"{SAGEMAKER}:endpoint-config/c")],
    ),
    (
        "sagemaker",
        "create_endpoint",
        {"EndpointName": "e", "EndpointConfigName": "c"},
        [
            ("sagemaker:CreateEndpoint", f"{SAGEMAKER}:endpoint/e"),
            ("sagemaker:CreateEndpoint", f"{SAGEMAKER}:endpoint-config/c"),
        ],
    ),
    (
        "sagemaker",
        "update_endpoint_weights_and_capacities",
        {"EndpointName": "e", "DesiredWeightsAndCapacities": []},
        [("sagemaker:UpdateEndpointWeightsAndCapacities", f"{SAGEMAKER}:endpoint/e")],
    ),
    (
        "sagemaker",
        "describe_notebook_instance_lifecycle_config",
        {"NotebookInstanceLifecycleConfigName": "n"},
        [
            (
                "sagemaker:DescribeNotebookInstanceLifecycleConfig",
                f"{SAGEMAKER}:notebook-instance-lifecycle-config/n",
            )
        ],
    ),
    (
        "sagemaker-runtime",
        "invoke_endpoint",
        {"EndpointName": "e", "Body": b"\xff\xd8"},
        [("sagemaker:InvokeEndpoint", f"{SAGEMAKER}:endpoint/e")],
    ),
    ("lambda", "invoke", {"FunctionName": "f"}, [("lambda:InvokeFunction", FUNCTION)]),
    (
        "lambda",
        "invoke",
        {"FunctionName": "f", "Qualifier": "q"},
        [("lambda:InvokeFunction", f"{FUNCTION}:q")],
    ),
    ("lambda", "invoke", {"FunctionName": f"{FUNCTION}:q"}, [("lambda:InvokeFunction", f"{FUNCTION}:q")]),
    ("lambda", "get_function", {"FunctionName": "f"}, [("lambda:GetFunction", FUNCTION)]),
    (
        "lambda",
        "create_function",
        {"FunctionName": "f", "Role": ROLE, "Code": {"ZipFile": b"x"}},
        [("lambda:CreateFunction", FUNCTION), ("iam:PassRole", ROLE)],
    ),
    (
        "logs",
        "create_log_stream",
        {"logGroupName": "/g", "logStreamName": "s"},
        [("logs:CreateLogStream", f"{LOGS}:/g:log-stream:s")],
    ),
    (
        "logs",
        "put_log_events",
        {"logGroupName": "/g", "logStreamName": "s", "logEvents": []},
        [("logs:PutLogEvents", f"{LOGS}:/g:log-stream:s")],
    ),
    ("logs", "create_log_group", {"logGroupName": "/g"}, [("logs:CreateLogGroup", f"{LOGS}:/g:log-stream:")]),
    (
        "cloudwatch",
        "put_metric_data",
        {"Namespace": "n", "MetricData": []},
        [("cloudwatch:PutMetricData", "*")],
    ),
    (
        "ssm",
        "get_parameter",
        {"Name": "/a/b"},
        [("ssm:GetParameter", f"arn:aws:ssm:{R}:{A}:parameter/a/b")],
    ),
    (
        "ssm",
        "get_parameter",
        {"Name": "/aws/service/x"},
        [("ssm:GetParameter", f"arn:aws:ssm:{R}::parameter/aws/service/x")],
    ),
    ("ecr", "get_authorization_token", {}, [("ecr:GetAuthorizationToken", "*")]),
    (
        "ecr",
        "batch_get_image",
        {"repositoryName": "r", "imageIds": []},
        [("ecr:BatchGetImage", f"arn:aws:ecr:{R}:{A}:repository/r")],
    ),
    (
        "sqs",
        "send_message_batch",
        {"QueueUrl": f"http://127.0.0.1:4510/{A}/q", "Entries": []},
        [("sqs:SendMessage", f"arn:aws:sqs:{R}:{A}:q")],
    ),
    (
        "sns",
        "publish",
        {"TopicArn": f"arn:aws:sns:{R}:{A}:t", "Message": "m"},
        [("sns:Publish", f"arn:aws:sns:{R}:{A}:t")],
    ),
    ("sts", "get_caller_identity", {}, []),
    ("sts", "assume_role", {"RoleArn": ROLE, "RoleSessionName": "s"}, [("sts:AssumeRole", ROLE)]),
    ("iam", "get_role", {"RoleName": "r"}, [("iam:GetRole", ROLE)]),
    (
        "iam",
        "attach_role_policy",
        {"RoleName": "r", "PolicyArn": f"arn:aws:iam::{A}:policy/p"},
        [("iam:AttachRolePolicy", ROLE)],
    ),
    (
        "ec2",
        "stop_instances",
        {"InstanceIds": ["i-1", "i-2"]},
        [("ec2:StopInstances", f"arn:aws:ec2:{R}:{A}:instance/i-{n}") for n in (1, 2)],
    ),
    ("ec2", "describe_instances", {}, [("ec2:DescribeInstances", "*")]),
    ("xray", "put_trace_segments", {"TraceSegmentDocuments": []}, [("xray:PutTraceSegments", "*")]),
]


@pytest.mark.parametrize(("service", "operation", "parameters", "expected"), CASES)
def test_a_request_needs(
    service: str, operation: str, parameters: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    found = needs(call_of(service, operation, parameters))
    assert [(need.action, need.resource) for need in found] == expected


def test_a_passed_role_says_to_whom() -> None:
    (_, passed) = needs(call_of("sagemaker", "create_training_job", TRAINING))
    assert passed.context == {"iam:passedtoservice": "sagemaker.amazonaws.com"}


def test_metrics_say_their_namespace() -> None:
    (need,) = needs(call_of("cloudwatch", "put_metric_data", {"Namespace": "n", "MetricData": []}))
    assert need.context["cloudwatch:namespace"] == "n"
