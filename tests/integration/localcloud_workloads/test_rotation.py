"""Secrets Manager rotates by a function of one's own, in its four steps."""

from __future__ import annotations

import sys
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import DrivenClock, Stage, eventually, zipped

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric exists for Linux only")

# The shape of AWS's own templates: https://github.com/aws-samples/aws-secrets-manager-rotation-lambdas
SOURCE = """
import boto3, json
def handler(event, context):
    print("step", event["Step"], event["SecretId"])
    client = boto3.client("secretsmanager")
    secret, token = event["SecretId"], event["ClientRequestToken"]
    versions = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
    assert "AWSPENDING" in versions[token], versions
    (current,) = [name for name, stages in versions.items() if "AWSCURRENT" in stages]
    value = client.get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")["SecretString"]
    if event["Step"] == "createSecret":
        try:
            client.get_secret_value(SecretId=secret, VersionId=token, VersionStage="AWSPENDING")
        except client.exceptions.ResourceNotFoundException:
            client.put_secret_value(
                SecretId=secret,
                ClientRequestToken=token,
                SecretString=value + "+",
                VersionStages=["AWSPENDING"],
            )
    if event["Step"] == "setSecret" and value == "broken":
        raise ValueError("the database does not take it")
    if event["Step"] == "finishSecret":
        client.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
        )
"""
STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]


class Rotated:
    """A function that rotates, and the secrets of the tests."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.client, self.name = (
            stage,
            stage.client("secretsmanager"),
            f"rotate-{uuid.uuid4().hex[:6]}",
        )
        self.functions = stage.client("lambda")
        self.arn = self.functions.create_function(
            FunctionName=self.name,
            Role=stage.role("lambda.amazonaws.com"),
            Runtime="python3.11",
            Handler="app.handler",
            Timeout=30,
            Code={"ZipFile": zipped(app=SOURCE)},
        )["FunctionArn"]

    def steps(self, secret: str) -> list[str]:
        """Return what the function was called for, by time: each of its processes has a log stream."""
        logs = self.stage.client("logs")
        group, pattern = f"/aws/lambda/{self.name}", f'"step " ":secret:{secret}-"'
        try:
            events = logs.filter_log_events(logGroupName=group, filterPattern=pattern)["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [each["message"].split()[1] for each in sorted(events, key=lambda each: each["timestamp"])]

    def value(self, secret: str) -> str:
        return str(self.client.get_secret_value(SecretId=secret)["SecretString"])

    def code(self, **parameters: Any) -> str:
        with pytest.raises(ClientError) as caught:
            self.client.rotate_secret(**parameters)
        return str(caught.value.response["Error"]["Code"])


@pytest.fixture(scope="module")
def rotated(stage: Stage) -> Rotated:
    return Rotated(stage)


def test_a_function_rotates_a_secret_at_once_and_by_its_rules(
    rotated: Rotated, driven_clock: DrivenClock
) -> None:
    client = rotated.client
    client.create_secret(Name="database", SecretString="v")
    assert rotated.code(SecretId="database") == "InvalidRequestException"  # no function is named
    rules = {"AutomaticallyAfterDays": 1}
    rotation = {"SecretId": "database", "RotationLambdaARN": rotated.arn, "RotationRules": rules}
    assert rotated.code(**rotation) == "AccessDeniedException"
    assert not client.describe_secret(SecretId="database").get("RotationEnabled")
    rotated.functions.add_permission(
        FunctionName=rotated.name,
        StatementId="secrets",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    nobody = {**rotation, "RotationLambdaARN": f"{rotated.arn}-none"}
    assert rotated.code(**nobody) == "ResourceNotFoundException"
    version = client.rotate_secret(**rotation)["VersionId"]
    eventually(lambda: rotated.value("database") == "v+")
    eventually(lambda: "LastRotatedDate" in client.describe_secret(SecretId="database"))
    eventually(lambda: rotated.steps("database") == STEPS)
    described = client.describe_secret(SecretId="database")
    assert (described["RotationEnabled"], described["RotationRules"]) == (True, rules)
    assert "AWSCURRENT" in described["VersionIdsToStages"][version]
    assert client.get_secret_value(SecretId="database", VersionStage="AWSPREVIOUS")["SecretString"] == "v"
    driven_clock.advance(86_400 + 60)
    eventually(lambda: rotated.value("database") == "v++")
    client.cancel_rotate_secret(SecretId="database")
    described = client.describe_secret(SecretId="database")
    assert (described["RotationEnabled"], "NextRotationDate" in described) == (False, False)


def test_a_rotation_that_fails_is_not_complete_and_is_tried_again(rotated: Rotated) -> None:
    client = rotated.client
    client.create_secret(Name="broken", SecretString="broken")
    rotation = {"SecretId": "broken", "RotationLambdaARN": rotated.arn}
    version = client.rotate_secret(**rotation)["VersionId"]
    eventually(lambda: rotated.steps("broken") == STEPS[:2])
    stages = client.describe_secret(SecretId="broken")["VersionIdsToStages"]
    assert (stages[version], rotated.value("broken")) == (["AWSPENDING"], "broken")

    def reattempted() -> bool:
        assert rotated.code(**rotation) == "InvalidRequestException"
        return len(rotated.steps("broken")) > 2

    eventually(reattempted)
    assert rotated.steps("broken")[2] == "createSecret"
    client.create_secret(Name="tested", SecretString="t")
    tested = {**rotation, "SecretId": "tested", "RotateImmediately": False}
    version = client.rotate_secret(**tested)["VersionId"]
    eventually(lambda: version not in client.describe_secret(SecretId="tested")["VersionIdsToStages"])
    eventually(lambda: rotated.steps("tested") == ["testSecret"])
    assert rotated.value("tested") == "t"
