"""Calls that the roles of the pipeline must not make, by the action that must be denied."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from kennel.aws import artifacts, session
from kennel.aws.infrastructure import state_bucket
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.session import Workspace

WIDE = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)


class Attempts:
    """The calls, on resources that exist, so that a denial is the only refusal."""

    def __init__(self, workspace: Workspace, stack: Stack) -> None:
        self.stack, self.client = stack, session.client
        self.role = stack["delivery"]["roles"]["deploy"]["arn"].split("/")[-1]
        self.data, self.artifacts = stack["data_bucket"], stack["artifact_bucket"]
        backend = state_bucket.backend(workspace)
        self.state = {"Bucket": backend["bucket"], "Key": backend["key"]}
        self.photo = next(iter(artifacts.objects(self.data, "datasets/")))
        self.model = next(
            key for key in artifacts.objects(self.artifacts, "releases/") if key.endswith(".gz")
        )

    def of_either(self) -> dict[str, Callable[[], Any]]:
        """Return what neither role may do."""
        iam, s3, kms = self.client("iam"), self.client("s3"), self.client("kms")
        function, key = self.stack["function"], self.stack["kms_key_arn"]
        return {
            "iam:CreateRole": lambda: iam.create_role(RoleName="more", AssumeRolePolicyDocument=WIDE),
            "iam:PutRolePolicy": lambda: iam.put_role_policy(
                RoleName=self.role, PolicyName="more", PolicyDocument=WIDE
            ),
            "iam:AttachRolePolicy": lambda: iam.attach_role_policy(
                RoleName=self.role, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
            ),
            "iam:UpdateAssumeRolePolicy": lambda: iam.update_assume_role_policy(
                RoleName=self.role, PolicyDocument=WIDE
            ),
            "sts:AssumeRole": lambda: self.client("sts").assume_role(
                RoleArn=self.stack["roles"]["training"], RoleSessionName="other"
            ),
            "s3:GetObject": lambda: s3.get_object(Bucket=self.data, Key=self.photo),
            "s3:PutObject": lambda: s3.put_object(Bucket=self.artifacts, Key=self.model, Body=b""),
            "s3:DeleteObject": lambda: s3.delete_object(**self.state),
            "s3:DeleteBucket": lambda: s3.delete_bucket(Bucket=self.data),
            "s3:PutBucketPolicy": lambda: s3.put_bucket_policy(Bucket=self.data, Policy=WIDE),
            "kms:ScheduleKeyDeletion": lambda: kms.schedule_key_deletion(KeyId=key),
            "kms:Encrypt": lambda: kms.encrypt(KeyId=key, Plaintext=b"x"),
            "lambda:UpdateFunctionCode": lambda: self.client("lambda").update_function_code(
                FunctionName=function["name"], ZipFile=b"x"
            ),
            "logs:GetLogEvents": lambda: self.client("logs").get_log_events(
                logGroupName=function["log_group"], logStreamName="x"
            ),
            "sagemaker:CreateEndpoint": lambda: self.client("sagemaker").create_endpoint(
                EndpointName="another", EndpointConfigName=f"{self.stack['name']}-deployment-1"
            ),
            "sagemaker:InvokeEndpoint": lambda: self.client("sagemaker-runtime").invoke_endpoint(
                EndpointName=self.stack["endpoint"]["name"], Body=b"x"
            ),
            "iam:PassRole": lambda: self._model(self.stack["roles"]["training"]),
        }

    def of_plan(self) -> dict[str, Callable[[], Any]]:
        """Return what a plan must not do, and a deployment may."""
        calls = self.of_either()
        del calls["iam:PassRole"]  # denied before it: sagemaker:CreateModel
        return {
            **calls,
            "s3:GetObject ": lambda: self.client("s3").get_object(Bucket=self.artifacts, Key=self.model),
            "ssm:PutParameter": lambda: self.client("ssm").put_parameter(
                Name=self.stack["release_parameter"], Value="{}", Overwrite=True
            ),
            "s3:PutObject ": lambda: self.client("s3").put_object(**self.state, Body=b""),
            "lambda:InvokeFunction": lambda: self.client("lambda").invoke(
                FunctionName=self.stack["function"]["arn"]
            ),
            "sagemaker:CreateModel": lambda: self._model(self.stack["roles"]["endpoint"]),
        }

    def _model(self, role: str) -> Any:
        return self.client("sagemaker").create_model(
            ModelName=f"{self.stack['name']}-deployment-99",
            ExecutionRoleArn=role,
            PrimaryContainer={"Image": self.stack["endpoint"]["image"]},
        )
