"""The actions and resources that an SDK's request requires: boto3 builds it, the codec decodes it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kennel.localcloud.authorization.required_permissions import required_permissions
from kennel.localcloud.policy.document import AccessRequest, parse
from kennel.localcloud.policy.evaluate import PrincipalPolicies, evaluate

from .conftest import A, R, request_of

SAGEMAKER = f"arn:aws:sagemaker:{R}:{A}"
FUNCTION = f"arn:aws:lambda:{R}:{A}:function:f"
LOGS = f"arn:aws:logs:{R}:{A}:log-group"
ROLE = f"arn:aws:iam::{A}:role/r"
TRAINING: dict[str, Any] = {
    "TrainingJobName": "t",
    "RoleArn": ROLE,
    "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": "i"},
    "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
VARIANT = {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}

CASES: list[tuple[str, str, dict[str, Any], list[tuple[str, str]]]] = [
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
    (
        "cloudwatch",
        "describe_alarms",
        {"AlarmNames": ["a", "b"]},
        [("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{R}:{A}:alarm:{name}") for name in "ab"],
    ),
    (
        "cloudwatch",
        "describe_alarms",
        {},
        [("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{R}:{A}:alarm:*")],
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
    (
        "ec2",
        "describe_vpc_attribute",
        {"VpcId": "vpc-0", "Attribute": "enableDnsSupport"},
        [("ec2:DescribeVpcAttribute", f"arn:aws:ec2:{R}:{A}:vpc/vpc-0")],
    ),
    (
        "ec2",
        "describe_instance_attribute",
        {"InstanceId": "i-0", "Attribute": "userData"},
        [("ec2:DescribeInstanceAttribute", f"arn:aws:ec2:{R}:{A}:instance/i-0")],
    ),
    (
        "iam",
        "get_open_id_connect_provider",
        {"OpenIDConnectProviderArn": f"arn:aws:iam::{A}:oidc-provider/issuer.example.com"},
        [("iam:GetOpenIDConnectProvider", f"arn:aws:iam::{A}:oidc-provider/issuer.example.com")],
    ),
    (
        "cloudwatch",
        "list_tags_for_resource",
        {"ResourceARN": f"arn:aws:cloudwatch:{R}:{A}:alarm:a"},
        [("cloudwatch:ListTagsForResource", f"arn:aws:cloudwatch:{R}:{A}:alarm:a")],
    ),
    (
        "ssm",
        "list_tags_for_resource",
        {"ResourceType": "Parameter", "ResourceId": "/p/q"},
        [("ssm:ListTagsForResource", f"arn:aws:ssm:{R}:{A}:parameter/p/q")],
    ),
    (
        "sns",
        "get_subscription_attributes",
        {"SubscriptionArn": f"arn:aws:sns:{R}:{A}:t:0"},
        [("sns:GetSubscriptionAttributes", f"arn:aws:sns:{R}:{A}:t")],
    ),
    (
        "budgets",
        "describe_budget",
        {"AccountId": A, "BudgetName": "b"},
        [("budgets:ViewBudget", f"arn:aws:budgets::{A}:budget/b")],
    ),
    (
        "cloudwatch",
        "put_metric_alarm",
        {"AlarmName": "a", "Tags": [{"Key": "k", "Value": "v"}]},
        [
            ("cloudwatch:PutMetricAlarm", f"arn:aws:cloudwatch:{R}:{A}:alarm:a"),
            ("cloudwatch:TagResource", f"arn:aws:cloudwatch:{R}:{A}:alarm:a"),
        ],
    ),
    (
        "cloudwatch",
        "put_metric_alarm",
        {"AlarmName": "a"},
        [("cloudwatch:PutMetricAlarm", f"arn:aws:cloudwatch:{R}:{A}:alarm:a")],
    ),
    (
        "application-autoscaling",
        "deregister_scalable_target",
        {
            "ServiceNamespace": "sagemaker",
            "ResourceId": "endpoint/e/variant/v",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        },
        [
            (
                "application-autoscaling:DeregisterScalableTarget",
                f"arn:aws:application-autoscaling:{R}:{A}:scalable-target/*",
            )
        ],
    ),
    (
        "application-autoscaling",
        "describe_scalable_targets",
        {"ServiceNamespace": "sagemaker"},
        [("application-autoscaling:DescribeScalableTargets", "*")],
    ),
    (
        "secretsmanager",
        "rotate_secret",
        {"SecretId": "s", "RotationLambdaARN": FUNCTION, "ClientRequestToken": "0" * 32},
        [
            ("secretsmanager:RotateSecret", f"arn:aws:secretsmanager:{R}:{A}:secret:s"),
            ("lambda:InvokeFunction", FUNCTION),
        ],
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
    (
        "ec2",
        "create_network_interface",
        {"SubnetId": "subnet-1", "Groups": ["sg-1", "sg-2"]},
        [
            ("ec2:CreateNetworkInterface", f"arn:aws:ec2:{R}:{A}:{resource}")
            for resource in (
                "network-interface/*",
                "subnet/subnet-1",
                "security-group/sg-1",
                "security-group/sg-2",
            )
        ],
    ),
    (
        "ec2",
        "create_network_interface_permission",
        {"NetworkInterfaceId": "eni-1", "Permission": "INSTANCE-ATTACH"},
        [("ec2:CreateNetworkInterfacePermission", f"arn:aws:ec2:{R}:{A}:network-interface/eni-1")],
    ),
    ("xray", "put_trace_segments", {"TraceSegmentDocuments": []}, [("xray:PutTraceSegments", "*")]),
]


@pytest.mark.parametrize(("service", "operation", "parameters", "expected"), CASES)
def test_a_request_requires(
    service: str, operation: str, parameters: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    permissions = required_permissions(request_of(service, operation, parameters))
    assert [(permission.action, permission.resource) for permission in permissions] == expected


def test_a_passed_role_names_the_service() -> None:
    (_, passed) = required_permissions(request_of("sagemaker", "create_training_job", TRAINING))
    assert passed.context == {"iam:passedtoservice": "sagemaker.amazonaws.com"}


def test_metrics_name_their_namespace() -> None:
    (permission,) = required_permissions(
        request_of("cloudwatch", "put_metric_data", {"Namespace": "n", "MetricData": []})
    )
    assert permission.context["cloudwatch:namespace"] == "n"


NETWORK = {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
RESOURCES = {"InstanceCount": 2, "VolumeSizeInGB": 1, "InstanceType": "ml.m5.large", "VolumeKmsKeyId": "key"}
VALUES: list[tuple[str, str, dict[str, Any], dict[str, str | list[str]]]] = [
    (
        "sagemaker",
        "create_training_job",
        {
            **TRAINING,
            "VpcConfig": NETWORK,
            "ResourceConfig": RESOURCES,
            "OutputDataConfig": {"S3OutputPath": "s3://b/o", "KmsKeyId": "output"},
            "EnableInterContainerTrafficEncryption": True,
            "EnableNetworkIsolation": False,
        },
        {
            "sagemaker:instancetypes": ["ml.m5.large"],
            "sagemaker:intercontainertrafficencryption": "true",
            "sagemaker:maxruntimeinseconds": "60",
            "sagemaker:networkisolation": "false",
            "sagemaker:outputkmskey": "output",
            "sagemaker:outputkmskeyarn": "output",
            "sagemaker:volumekmskey": "key",
            "sagemaker:volumekmskeyarn": "key",
            "sagemaker:vpcsecuritygroupids": ["sg-1"],
            "sagemaker:vpcsubnets": ["subnet-1", "subnet-2"],
        },
    ),
    (
        "sagemaker",
        "create_training_job",
        {
            **TRAINING,
            "ResourceConfig": {
                "VolumeSizeInGB": 1,
                "InstanceGroups": [
                    {"InstanceType": name, "InstanceCount": 1, "InstanceGroupName": name}
                    for name in ("ml.m5.large", "ml.g5.xlarge")
                ],
            },
        },
        {
            "sagemaker:instancetypes": ["ml.m5.large", "ml.g5.xlarge"],
            "sagemaker:maxruntimeinseconds": "60",
        },
    ),
    (
        "sagemaker",
        "create_hyper_parameter_tuning_job",
        {
            "HyperParameterTuningJobName": "h",
            "HyperParameterTuningJobConfig": {"Strategy": "Random", "ResourceLimits": {}},
            "TrainingJobDefinition": {
                **{name: value for name, value in TRAINING.items() if name != "TrainingJobName"},
                "VpcConfig": NETWORK,
                "HyperParameterTuningResourceConfig": {
                    "InstanceConfigs": [
                        {"InstanceType": "ml.c5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
                    ],
                    "VolumeKmsKeyId": "key",
                },
            },
        },
        {
            "sagemaker:instancetypes": ["ml.m5.large", "ml.c5.large"],
            "sagemaker:maxruntimeinseconds": "60",
            "sagemaker:volumekmskey": "key",
            "sagemaker:volumekmskeyarn": "key",
            "sagemaker:vpcsecuritygroupids": ["sg-1"],
            "sagemaker:vpcsubnets": ["subnet-1", "subnet-2"],
        },
    ),
    (
        "sagemaker",
        "create_model",
        {"ModelName": "m", "ExecutionRoleArn": ROLE, "EnableNetworkIsolation": True},
        {"sagemaker:networkisolation": "true"},
    ),
    (
        "sagemaker",
        "create_endpoint_config",
        {
            "EndpointConfigName": "c",
            "KmsKeyId": "key",
            "ProductionVariants": [VARIANT, {**VARIANT, "VariantName": "w", "InstanceType": "ml.c5.large"}],
        },
        {
            "sagemaker:instancetypes": ["ml.m5.large", "ml.c5.large"],
            "sagemaker:modelarn": f"{SAGEMAKER}:model/m",
            "sagemaker:volumekmskey": "key",
            "sagemaker:volumekmskeyarn": "key",
        },
    ),
    ("sagemaker", "create_endpoint", {"EndpointName": "e", "EndpointConfigName": "c"}, {}),
]


@pytest.mark.parametrize(("service", "operation", "parameters", "expected"), VALUES)
def test_parameters_are_condition_keys(
    service: str, operation: str, parameters: dict[str, Any], expected: dict[str, str | list[str]]
) -> None:
    permission = required_permissions(request_of(service, operation, parameters))[0]
    assert permission.context == expected


@pytest.mark.parametrize(
    ("condition", "network", "allowed"),
    [
        ({"ForAllValues:StringEquals": {"sagemaker:VpcSubnets": ["subnet-1", "subnet-2"]}}, NETWORK, True),
        ({"ForAllValues:StringEquals": {"sagemaker:VpcSubnets": ["subnet-1"]}}, NETWORK, False),
        ({"ForAnyValue:StringEquals": {"sagemaker:VpcSubnets": ["subnet-1"]}}, NETWORK, True),
        ({"ForAnyValue:StringEquals": {"sagemaker:VpcSubnets": ["subnet-1"]}}, None, False),
        ({"ForAllValues:StringEquals": {"sagemaker:VpcSubnets": ["subnet-1"]}}, None, True),
        (
            {
                "ForAllValues:StringEquals": {"sagemaker:VpcSubnets": ["subnet-1"]},
                "Null": {"sagemaker:VpcSubnets": "false"},
            },
            None,
            False,
        ),
    ],
)
def test_a_policy_demands_a_network(
    condition: dict[str, Any], network: dict[str, Any] | None, allowed: bool
) -> None:
    parameters = {**TRAINING, **({"VpcConfig": network} if network else {})}
    permission = required_permissions(request_of("sagemaker", "create_training_job", parameters))[0]
    statement = {
        "Effect": "Allow",
        "Action": "sagemaker:CreateTrainingJob",
        "Resource": "*",
        "Condition": condition,
    }
    policy = parse(json.dumps({"Version": "2012-10-17", "Statement": statement}))
    request = AccessRequest(permission.action, permission.resource, permission.context)
    assert evaluate(request, PrincipalPolicies([policy])).allowed is allowed
