"""Condition keys, end to end: a call that carries one is allowed for its value and denied for another."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, TRUSTS_ACCOUNT, Client, assume, document, statement

DENIED = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation")
TAG = {"Key": "team", "Value": "vision"}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/keys-passed"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
TRAINING: dict[str, Any] = {
    "TrainingJobName": "keys",
    "RoleArn": ROLE,
    "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": "image"},
    "OutputDataConfig": {"S3OutputPath": "s3://keys/o", "KmsKeyId": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/o"},
    "ResourceConfig": {
        "InstanceType": "ml.c5.xlarge",
        "InstanceCount": 1,
        "VolumeSizeInGB": 1,
        "VolumeKmsKeyId": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/v",
        "KeepAlivePeriodInSeconds": 60,
    },
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
    "EnableNetworkIsolation": True,
    "EnableInterContainerTrafficEncryption": True,
    "RemoteDebugConfig": {"EnableRemoteDebug": False},
    "InputDataConfig": [
        {
            "ChannelName": "train",
            "DataSource": {
                "FileSystemDataSource": {
                    "FileSystemId": "fs-12345678",
                    "FileSystemAccessMode": "ro",
                    "FileSystemType": "EFS",
                    "DirectoryPath": "/train",
                }
            },
        }
    ],
}
NOTEBOOK: dict[str, Any] = {
    "NotebookInstanceName": "keys",
    "InstanceType": "ml.t3.medium",
    "RoleArn": ROLE,
    "RootAccess": "Disabled",
    "DirectInternetAccess": "Disabled",
    "SubnetId": "subnet-1",
    "SecurityGroupIds": ["sg-1"],
}
RUN = {"ImageId": "ami-12c6146b", "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "DryRun": False}
# (the key, the call, an operator, the key's value in the call, another value). With IfExists, where not every
# permission that the call requires has the key.
Case = tuple[str, str, str, Any, Any]
ANY = "ForAnyValue:StringEquals"
CASES: list[Case] = [
    # of every call
    ("aws:SourceIp", "sqs list_queues", "IpAddress", "127.0.0.0/8", "203.0.113.0/24"),
    ("aws:SecureTransport", "sqs list_queues", "Bool", "true", "false"),
    ("aws:MultiFactorAuthPresent", "sqs list_queues", "Bool", "false", "true"),
    (
        "aws:TokenIssueTime",
        "sqs list_queues",
        "DateGreaterThan",
        "2020-01-01T00:00:00Z",
        "2099-01-01T00:00:00Z",
    ),
    ("aws:CurrentTime", "sqs list_queues", "DateLessThan", "2099-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
    ("aws:PrincipalTag/team", "sqs list_queues", "StringEquals", "vision", "sound"),
    ("aws:PrincipalArn", "sqs list_queues", "ArnLike", "arn:aws:iam::*:role/keys-*", "arn:aws:iam::*:role/x"),
    ("aws:PrincipalAccount", "sqs list_queues", "StringEquals", ACCOUNT, "111122223333"),
    ("aws:RequestedRegion", "sqs list_queues", "StringEquals", "us-east-1", "eu-west-1"),
    # tags in the request
    ("aws:RequestTag/team", "sqs create_queue", "StringEquals", "vision", "sound"),
    ("aws:TagKeys", "sqs create_queue", ANY, "team", "cost"),
    ("aws:RequestTag/team", "iam create_role", "StringEquals", "vision", "sound"),
    ("aws:RequestTag/team", "ec2 create_vpc", "StringEquals", "vision", "sound"),
    ("aws:TagKeys", "sqs untag_queue", ANY, "team", "cost"),
    # tags of the resource
    ("aws:ResourceTag/team", "sqs get_queue_attributes", "StringEquals", "vision", "sound"),
    ("aws:ResourceTag/team", "sns get_topic_attributes", "StringEquals", "vision", "sound"),
    ("aws:ResourceTag/team", "kms describe_key", "StringEquals", "vision", "sound"),
    ("aws:ResourceTag/team", "ssm get_parameter", "StringEquals", "vision", "sound"),
    ("aws:ResourceTag/team", "logs describe_log_streams", "StringEquals", "vision", "sound"),
    ("aws:ResourceTag/team", "sagemaker describe_model", "StringEquals", "vision", "sound"),
    (
        "sagemaker:ResourceTag/team",
        "sagemaker describe_model",
        "StringEquals",
        "vision",
        "sound",
    ),
    ("aws:ResourceTag/team", "iam get_role", "StringEquals", "vision", "sound"),
    ("iam:ResourceTag/team", "iam get_role", "StringEquals", "vision", "sound"),
    ("aws:ResourceTag/team", "ec2 describe_vpc_attribute", "StringEquals", "vision", "sound"),
    ("ec2:ResourceTag/team", "ec2 describe_vpc_attribute", "StringEquals", "vision", "sound"),
    ("aws:ResourceTag/team", "secretsmanager describe_secret", "StringEquals", "vision", "sound"),
    ("aws:ResourceTag/team", "dynamodb describe_table", "StringEquals", "vision", "sound"),
    # S3
    ("s3:ExistingObjectTag/team", "s3 get_object", "StringEquals", "vision", "sound"),
    ("s3:RequestObjectTag/team", "s3 put_object", "StringEquals", "vision", "sound"),
    ("s3:RequestObjectTagKeys", "s3 put_object_tagging", ANY, "team", "cost"),
    ("s3:prefix", "s3 list_objects_v2", "StringEquals", "home/", "other/"),
    ("s3:delimiter", "s3 list_objects_v2", "StringEquals", "/", "-"),
    ("s3:max-keys", "s3 list_objects_v2", "NumericLessThanEquals", "10", "5"),
    ("s3:x-amz-storage-class", "s3 put_object", "StringEquals", "STANDARD_IA", "GLACIER"),
    ("s3:x-amz-server-side-encryption", "s3 put_object", "StringEquals", "AES256", "aws:kms"),
    ("s3:x-amz-metadata-directive", "s3 copy_object", "StringEquals", "REPLACE", "COPY"),
    ("s3:x-amz-copy-source", "s3 copy_object", "StringLike", "keys/tag*", "keys/other*"),
    ("s3:LocationConstraint", "s3 create_bucket", "StringEquals", "eu-west-1", "sa-east-1"),
    ("s3:x-amz-object-ownership", "s3 create_bucket", "StringEquals", "BucketOwnerEnforced", "ObjectWriter"),
    # IAM
    (
        "iam:PassedToService",
        "iam add_role_to_instance_profile",
        "StringEqualsIfExists",
        "ec2.amazonaws.com",
        "x",
    ),
    ("iam:PolicyARN", "iam attach_role_policy", "ArnEquals", READ_ONLY, "arn:aws:iam::aws:policy/x"),
    ("iam:PermissionsBoundary", "iam create_role", "StringEqualsIfExists", READ_ONLY, "x"),
    ("iam:PermissionsBoundary", "iam put_role_policy", "StringEquals", READ_ONLY, "x"),
    ("iam:AWSServiceName", "iam create_service_linked_role", "StringEquals", "ecs.amazonaws.com", "x"),
    # STS, KMS, Lambda, SNS and others
    ("sts:RoleSessionName", "sts assume_role", "StringEquals", "keys", "other"),
    ("sts:ExternalId", "sts assume_role", "StringEquals", "Example987", "other"),
    ("kms:EncryptionContext:job", "kms encrypt", "StringEquals", "one", "two"),
    ("kms:GranteePrincipal", "kms create_grant", "StringEquals", ROLE, "x"),
    ("kms:GrantOperations", "kms create_grant", ANY, "Decrypt", "Sign"),
    ("kms:KeySpec", "kms create_key", "StringEquals", "SYMMETRIC_DEFAULT", "RSA_2048"),
    ("lambda:FunctionUrlAuthType", "lambda create_function_url_config", "StringEquals", "AWS_IAM", "NONE"),
    ("lambda:Principal", "lambda add_permission", "StringEquals", "s3.amazonaws.com", "sns.amazonaws.com"),
    (
        "lambda:FunctionArn",
        "lambda create_event_source_mapping",
        "ArnEquals",
        f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f",
        f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:g",
    ),
    ("sns:Protocol", "sns subscribe", "StringEquals", "https", "sms"),
    ("sns:Endpoint", "sns subscribe", "StringLike", "https://example.com/*", "https://example.org/*"),
    ("events:source", "events put_events", ANY, "kennel", "other"),
    ("ssm:Overwrite", "ssm put_parameter", "Bool", "true", "false"),
    (
        "secretsmanager:VersionStage",
        "secretsmanager get_secret_value",
        "StringEquals",
        "AWSCURRENT",
        "AWSPREVIOUS",
    ),
    ("cloudwatch:namespace", "cloudwatch put_metric_data", "StringEquals", "keys", "other"),
    # EC2
    ("ec2:InstanceType", "ec2 run_instances", "StringEqualsIfExists", "t3.micro", "p5.48xlarge"),
    ("ec2:Region", "ec2 run_instances", "StringEquals", "us-east-1", "eu-west-1"),
    ("ec2:MetadataHttpTokens", "ec2 run_instances", "StringEqualsIfExists", "required", "optional"),
    ("ec2:VolumeSize", "ec2 create_volume", "NumericLessThanEquals", "10", "5"),
    ("ec2:VolumeType", "ec2 create_volume", "StringEquals", "gp3", "io2"),
    ("ec2:CreateAction", "ec2 create_vpc", "StringEqualsIfExists", "CreateVpc", "RunInstances"),
    # SageMaker
    *(
        (f"sagemaker:{key}", "sagemaker create_training_job", operator, value, other)
        for key, operator, value, other in (
            ("InstanceTypes", "ForAnyValue:StringLike", "ml.c5.*", "ml.p3.*"),
            ("VpcSubnets", ANY, "subnet-1", "subnet-2"),
            ("VpcSecurityGroupIds", ANY, "sg-1", "sg-2"),
            ("VolumeKmsKey", "ArnLike", "*key/v", "*key/w"),
            ("OutputKmsKey", "ArnLike", "*key/o", "*key/w"),
            ("NetworkIsolation", "Bool", "true", "false"),
            ("InterContainerTrafficEncryption", "Bool", "true", "false"),
            ("MaxRuntimeInSeconds", "NumericLessThanEquals", "60", "30"),
            ("KeepAlivePeriod", "NumericLessThanEquals", "60", "30"),
            ("EnableRemoteDebug", "Bool", "false", "true"),
            ("FileSystemId", "StringEquals", "fs-12345678", "fs-2"),
            ("FileSystemAccessMode", "StringEquals", "ro", "rw"),
            ("FileSystemType", "StringEquals", "EFS", "FSxLustre"),
            ("FileSystemDirectoryPath", "StringEquals", "/train", "/other"),
        )
    ),
    ("sagemaker:RootAccess", "sagemaker create_notebook_instance", "StringEquals", "Disabled", "Enabled"),
    (
        "sagemaker:DirectInternetAccess",
        "sagemaker create_notebook_instance",
        "StringEquals",
        "Disabled",
        "Enabled",
    ),
    ("sagemaker:InstanceTypes", "sagemaker create_notebook_instance", ANY, "ml.t3.medium", "ml.p3.2xlarge"),
    ("sagemaker:VpcSubnets", "sagemaker create_notebook_instance", ANY, "subnet-1", "subnet-2"),
]
TAGS = {"team": "vision"}


@pytest.fixture(scope="module")
def calls(client: Client) -> dict[str, dict[str, Any]]:
    """Create what the calls are about, and return the parameters of each."""
    queue = client("sqs").create_queue(QueueName="keys", tags=TAGS)["QueueUrl"]
    topic = client("sns").create_topic(Name="keys", Tags=[TAG])["TopicArn"]
    key = client("kms").create_key(Tags=[{"TagKey": "team", "TagValue": "vision"}])["KeyMetadata"]["Arn"]
    client("ssm").put_parameter(Name="/keys/p", Value="v", Type="String", Tags=[TAG])
    client("logs").create_log_group(logGroupName="/keys", tags=TAGS)
    untagged = client("sqs").create_queue(QueueName="keys-untagged", tags=TAGS)["QueueUrl"]
    model = {"ModelName": "keys", "ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": "image"}}
    iam = client("iam")
    iam.create_role(RoleName="keys-passed", AssumeRolePolicyDocument=TRUSTS_ACCOUNT, Tags=[TAG])
    iam.create_role(
        RoleName="keys-bounded", AssumeRolePolicyDocument=TRUSTS_ACCOUNT, PermissionsBoundary=READ_ONLY
    )
    client("sagemaker").create_model(**model, Tags=[TAG])
    ec2 = client("ec2")
    specification = {"Tags": [TAG], "ResourceType": "vpc"}
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=[specification])["Vpc"]["VpcId"]
    secret = client("secretsmanager").create_secret(Name="keys", SecretString="s", Tags=[TAG])["ARN"]
    table = {
        "TableName": "keys",
        "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "Tags": [TAG],
    }
    client("dynamodb").create_table(**table)
    client("s3").create_bucket(Bucket="keys")
    client("s3").put_object(Bucket="keys", Key="tagged", Body=b"x", Tagging="team=vision")
    put = {
        "Bucket": "keys",
        "Key": "new",
        "Body": b"x",
        "Tagging": "team=vision",
        "StorageClass": "STANDARD_IA",
        "ServerSideEncryption": "AES256",
    }
    copy = {"Bucket": "keys", "Key": "copy", "CopySource": "keys/tagged", "MetadataDirective": "REPLACE"}
    bucket = {
        "Bucket": "keys-new",
        "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"},
        "ObjectOwnership": "BucketOwnerEnforced",
    }
    grant = {"KeyId": key, "GranteePrincipal": ROLE, "Operations": ["Decrypt"]}
    permission = {"FunctionName": "f", "StatementId": "s", "Action": "lambda:InvokeFunction"}
    return {
        "sqs list_queues": {},
        "sqs create_queue": {"QueueName": "keys-new", "tags": TAGS},
        "sqs untag_queue": {"QueueUrl": untagged, "TagKeys": ["team"]},
        "sqs get_queue_attributes": {"QueueUrl": queue},
        "sns get_topic_attributes": {"TopicArn": topic},
        "sns subscribe": {"TopicArn": topic, "Protocol": "https", "Endpoint": "https://example.com/x"},
        "kms describe_key": {"KeyId": key},
        "kms encrypt": {"KeyId": key, "Plaintext": b"x", "EncryptionContext": {"job": "one"}},
        "kms create_grant": grant,
        "kms create_key": {"KeySpec": "SYMMETRIC_DEFAULT"},
        "ssm get_parameter": {"Name": "/keys/p"},
        "ssm put_parameter": {"Name": "/keys/p", "Value": "w", "Overwrite": True},
        "logs describe_log_streams": {"logGroupName": "/keys"},
        "sagemaker describe_model": {"ModelName": "keys"},
        "iam get_role": {"RoleName": "keys-passed"},
        "iam create_role": {
            "RoleName": "keys-new",
            "AssumeRolePolicyDocument": TRUSTS_ACCOUNT,
            "PermissionsBoundary": READ_ONLY,
            "Tags": [TAG],
        },
        "iam put_role_policy": {
            "RoleName": "keys-bounded",
            "PolicyName": "p",
            "PolicyDocument": document(statement("s3:*", "*")),
        },
        "iam attach_role_policy": {"RoleName": "keys-bounded", "PolicyArn": READ_ONLY},
        "iam add_role_to_instance_profile": {"InstanceProfileName": "keys", "RoleName": "keys-passed"},
        "iam create_service_linked_role": {"AWSServiceName": "ecs.amazonaws.com"},
        "ec2 describe_vpc_attribute": {"VpcId": vpc, "Attribute": "enableDnsSupport"},
        "ec2 create_vpc": {"CidrBlock": "10.8.0.0/16", "TagSpecifications": [specification]},
        "ec2 run_instances": {**RUN, "MetadataOptions": {"HttpTokens": "required"}},
        "ec2 create_volume": {"AvailabilityZone": "us-east-1a", "Size": 10, "VolumeType": "gp3"},
        "secretsmanager describe_secret": {"SecretId": secret},
        "secretsmanager get_secret_value": {"SecretId": secret, "VersionStage": "AWSCURRENT"},
        "dynamodb describe_table": {"TableName": "keys"},
        "s3 get_object": {"Bucket": "keys", "Key": "tagged"},
        "s3 put_object": put,
        "s3 put_object_tagging": {"Bucket": "keys", "Key": "tagged", "Tagging": {"TagSet": [TAG]}},
        "s3 list_objects_v2": {"Bucket": "keys", "Prefix": "home/", "Delimiter": "/", "MaxKeys": 10},
        "s3 copy_object": copy,
        "s3 create_bucket": bucket,
        "sts assume_role": {"RoleArn": ROLE, "RoleSessionName": "keys", "ExternalId": "Example987"},
        "lambda create_function_url_config": {"FunctionName": "f", "AuthType": "AWS_IAM"},
        "lambda add_permission": {**permission, "Principal": "s3.amazonaws.com"},
        "lambda create_event_source_mapping": {
            "FunctionName": "f",
            "EventSourceArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:keys",
        },
        "events put_events": {"Entries": [{"Source": "kennel", "DetailType": "d", "Detail": json.dumps({})}]},
        "cloudwatch put_metric_data": {"Namespace": "keys", "MetricData": [{"MetricName": "m", "Value": 1}]},
        "sagemaker create_training_job": TRAINING,
        "sagemaker create_notebook_instance": NOTEBOOK,
    }


@pytest.fixture(scope="module")
def caller(client: Client) -> Callable[[str], Any]:
    """Return clients of one role's session, whose policy the tests replace."""
    client("iam").create_role(RoleName="keys-caller", AssumeRolePolicyDocument=TRUSTS_ACCOUNT, Tags=[TAG])
    credentials = assume(client, "keys-caller")
    clients: dict[str, Any] = {}
    return lambda service: clients.setdefault(service, client(service, credentials))


def is_denied(caller: Any, operation: str, parameters: dict[str, Any]) -> bool:
    try:
        getattr(caller, operation)(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"] in DENIED
    return False


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} of {case[1]}")
def test_a_key_decides(
    case: Case, client: Client, caller: Callable[[str], Any], calls: dict[str, dict[str, Any]]
) -> None:
    key, call, operator, value, other = case
    service, operation = call.split()
    iam = client("iam")
    denied = []
    for condition in (other, value):  # denied first: an allowed call may change what the next one meets
        rules = [
            statement(f"{service}:*", "*", Condition={operator: {key: condition}}),
            {"Effect": "Allow", "NotAction": f"{service}:*", "Resource": "*"},
        ]
        iam.put_role_policy(RoleName="keys-caller", PolicyName="key", PolicyDocument=document(*rules))
        denied.append(is_denied(caller(service), operation, calls[call]))
    assert denied == [True, False]
